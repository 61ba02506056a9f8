"""Packets of a capture as columns: what lies between whoever reads captures and whoever replays them.

A capture comes as many frames with the columns of ``SCHEMA``, one row per packet that a tracker would be
asked about, in the order of the file. What is not in these frames is in the ``Tally``, by reason.
``halftrack.formats.pcap.capture(name, stdin)`` gives a ``Capture``: ``frames()`` yields them one after the
other, ``tally`` is true of what has been yielded, ``name`` is how the file is shown.
Checksums are not verified: with offloading, captures hold packets whose checksums nobody has filled in.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_PACKET: Final = {
    "number": pl.UInt64,  # place in the file, from 1, packets that were skipped included
    "at_ns": pl.Int64,  # ns since 1970, as captured: may go backwards
    "interface": pl.UInt32,  # the kernel's number, or that within a pcapng section; null: the file knows none
    "outgoing": pl.Boolean,  # it left the node, or came to it; null: the file does not tell (Linux' own link
    # types do by their packet type, pcapng by the flags of a packet)
    "family": pl.UInt8,  # AF_INET or AF_INET6
    "l4proto": pl.UInt8,  # IPPROTO_*, behind all extension headers
    # Addresses as in the flow table: 128 bits as two numbers, IPv4 mapped.
    "src_hi": pl.UInt64,
    "src_lo": pl.UInt64,
    "dst_hi": pl.UInt64,
    "dst_lo": pl.UInt64,
    "ip_id": pl.UInt16,  # IPv4 only
    "size": pl.UInt32,  # bytes of the IP packet, whole, however little was captured
    "length": pl.UInt32,  # of these, bytes behind the transport's header, or behind IP; 0 where broken
    "broken": pl.Boolean,  # the transport's header is too short or contradicts IP: invalid to the kernel
    # Ports: uapi.PORT_PROTOCOLS only; null where the packet ends before them.
    "sport": pl.UInt16,
    "dport": pl.UInt16,
    # TCP only; null where broken.
    "flags": pl.UInt8,
    "seq": pl.UInt32,
    "ack": pl.UInt32,
    "window": pl.UInt16,  # unscaled
    "options": pl.Binary,  # behind the first twenty bytes; values of timestamps that stand alone are zeros
    # ICMP and ICMPv6 only.
    "type": pl.UInt8,
    "code": pl.UInt8,
    "icmp_id": pl.UInt16,  # the two bytes where requests have it, whatever the type
}
_QUOTABLE: Final = (
    "l4proto", "src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport", "type", "code", "icmp_id",
)  # fmt: skip

QUOTED: Final = "quoted_"
"""Before a column's name: the same of the packet that an ICMP error quotes, null where there is none."""

SCHEMA: Final = MappingProxyType(
    {**_PACKET, **{QUOTED + name: _PACKET[name] for name in _QUOTABLE}},
)
"""Column name to Polars type, in the frame's order."""

OTHER_INTERFACE: Final = "other-interface"
NOT_IP: Final = "not-ip"
LINK_UNKNOWN: Final = "link-unknown"
NO_TIME: Final = "no-time"
CUT: Final = "cut"
MALFORMED: Final = "malformed"
FRAGMENT: Final = "fragment"
HELD: Final = "fragment-of-one"
NO_TRANSPORT: Final = "no-transport"

REASONS: Final = MappingProxyType(
    {
        OTHER_INTERFACE: "of other interfaces than the wanted one",
        NOT_IP: "neither IPv4 nor IPv6",
        LINK_UNKNOWN: "of a link type that is not read, or of an interface that the file does not describe",
        NO_TIME: "without a time, or with one that cannot be",
        CUT: "captured too short to tell their ports, or TCP's flags and numbers",
        MALFORMED: "that an IP stack drops: lengths of its headers contradict each other",
        FRAGMENT: "fragments of datagrams that never became whole here",
        HELD: "fragments of datagrams that are counted at their last one",
        NO_TRANSPORT: "IPv6 without a transport behind its extension headers",
    }
)
"""Why a packet is in no frame: reason to words for "N packets ..."."""


@dataclass(slots=True)
class Tally:
    """What has been read so far, beside the rows themselves.

    ``packets``: all in the file; each is a row or ``skipped``, by ``REASONS``. ``reassembled``: rows that
    came as fragments; the row is the fragment that made them whole. ``options_cut``: rows with TCP options
    that were captured in part, and are given as far as they were. ``backwards``: packets older than one
    before them in the file, ``backwards_ns`` the most by which one is. ``lost``: packets that were not
    captured, as far as the file says so. ``notes``: what else whoever trusts
    the rows has to know, a sentence each; ``whole`` is False where the file was not read to its end.
    """

    packets: int = 0
    rows: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    reassembled: int = 0
    options_cut: int = 0
    backwards: int = 0
    backwards_ns: int = 0
    lost: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    whole: bool = True
    notes: list[str] = field(default_factory=list)

    def skip(self, reason: str, count: int) -> None:
        """Count packets that are in no frame."""
        if count:
            self.skipped[reason] = self.skipped.get(reason, 0) + count


def frame(columns: Mapping[str, pl.Series | Sequence[object]]) -> pl.DataFrame:
    """A frame of the schema out of some of its columns, nulls for the rest; out of none, an empty one."""
    given = pl.DataFrame(dict(columns))
    if not given.width:
        return pl.DataFrame(schema=dict(SCHEMA))
    return given.select(
        pl.col(name).cast(dtype) if name in given.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in SCHEMA.items()
    )

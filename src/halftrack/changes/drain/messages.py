"""ctnetlink messages that name many entries by their original tuples: to ask for them, change or remove
them, or put them in again."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence import uapi
from halftrack.kernel.ctnetlink.entry_messages import Template, put_tuple
from halftrack.kernel.netlink_messages import (
    CT_DELETE,
    CT_NEW,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    attribute,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt
    import polars as pl

_LENGTH: Final = struct.Struct("=I")
_SHORT: Final = struct.Struct("=H")
_TYPE: Final = slice(4, 6)  # of a message: struct nlmsghdr, nlmsg_type
_SEQUENCE: Final = slice(8, 12)  # nlmsg_seq
_LAST: Final = slice(-8, -4)  # struct nlattr of a last attribute of 32 bits
_LAST_VALUE: Final = slice(-4, None)
_GROUPS: Final = ("family", "l4proto", "zone", "zone_dir")
_LENIENT: Final = uapi.IP_CT_TCP_FLAG_SACK_PERM | uapi.IP_CT_TCP_FLAG_BE_LIBERAL
"""As of what was picked up: windows are not known (net/netfilter/nf_conntrack_proto_tcp.c, tcp_new)."""
_KEPT: Final = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
"""Of a status, what can be given to a new entry."""


@dataclass(frozen=True, slots=True)
class Messages:
    """``raw``: one a row, all of a length. ``places``: of their entries in the frame that was given."""

    raw: npt.NDArray[np.uint8]
    places: npt.NDArray[np.intp]


def of(tuples: pl.DataFrame, kind: int, sequence: int, more: bytes = b"") -> Iterator[bytes]:
    """Messages of one type, all of a length, for the entries with these original tuples.

    ``more``: attributes that each of them ends in.
    """
    for each in _built(tuples, kind, NLM_F_REQUEST, sequence, lambda template, _: template.put_raw(more)):
        yield each.raw.tobytes()


def removing(entries: pl.DataFrame, first: int) -> Iterator[tuple[Messages, npt.NDArray[np.uint8]]]:
    """What tells each entry the status that it has, and what removes it by its id.

    Sequence numbers go from ``first`` on, in the order of the frame; both have the same. The second is
    the first but for its type and its last attribute, which is as long.
    """

    def put(template: Template, rows: pl.DataFrame) -> None:
        template.put_column(uapi.CTA_STATUS, rows["status"].to_numpy(), ">u4")

    for each in _built(entries, CT_NEW, NLM_F_REQUEST, 0, put):
        numbers = (each.places + first).astype(np.uint32)
        each.raw[:, _SEQUENCE] = numbers.reshape(-1, 1).view(np.uint8)
        deletes = each.raw.copy()
        deletes[:, _TYPE] = np.frombuffer(_SHORT.pack(CT_DELETE), np.uint8)
        deletes[:, _LAST] = np.frombuffer(attribute(uapi.CTA_ID, bytes(4))[:-4], np.uint8)
        ids = entries["id"].to_numpy()[each.places].astype(">u4")
        deletes[:, _LAST_VALUE] = ids.reshape(-1, 1).view(np.uint8)
        yield each, deletes


def anew(entries: pl.DataFrame, least_s: int) -> Iterator[bytes]:
    """What makes TCP entries that are gone anew as they were, translation left out, where none is by now.

    ``least_s``: seconds that each has left at least.
    """

    def put(template: Template, rows: pl.DataFrame) -> None:
        zone, way = rows.select("zone", "zone_dir").row(0)
        put_tuple(
            template,
            uapi.CTA_TUPLE_REPLY,
            rows,
            uapi.IPPROTO_TCP,
            zone if way == uapi.NF_CT_ZONE_DIR_REPL else 0,
        )
        template.put_column(uapi.CTA_TIMEOUT, rows["timeout"].clip(lower_bound=least_s).to_numpy(), ">u4")
        template.put_column(uapi.CTA_STATUS, (rows["status"] & _KEPT).to_numpy(), ">u4")
        template.put_column(uapi.CTA_MARK, rows["mark"].fill_null(0).to_numpy(), ">u4")
        info = template.open(uapi.CTA_PROTOINFO)
        tcp = template.open(uapi.CTA_PROTOINFO_TCP)
        template.put_column(uapi.CTA_PROTOINFO_TCP_STATE, rows["state"].to_numpy(), "u1")
        for flags in (uapi.CTA_PROTOINFO_TCP_FLAGS_ORIGINAL, uapi.CTA_PROTOINFO_TCP_FLAGS_REPLY):
            template.put(flags, bytes([_LENIENT, _LENIENT]))
        template.close(tcp)
        template.close(info)

    for each in _built(entries, CT_NEW, NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL, 1, put):
        yield each.raw.tobytes()


def width(raw: bytes) -> int:
    """Bytes of each message."""
    length: int = _LENGTH.unpack_from(raw)[0]
    return length


def _built(
    entries: pl.DataFrame, kind: int, flags: int, sequence: int, put: Callable[[Template, pl.DataFrame], None]
) -> Iterator[Messages]:
    """``put`` adds what comes after the original tuple and the zone, for entries of one kind."""
    placed = entries.with_row_index("place")
    for rows in placed.partition_by(list(_GROUPS), maintain_order=True):
        family, l4proto, zone, zone_dir = rows.select(_GROUPS).row(0)
        template = Template(family)
        here = zone if zone_dir == uapi.NF_CT_ZONE_DIR_ORIG else 0
        put_tuple(template, uapi.CTA_TUPLE_ORIG, rows, l4proto, here)
        if zone and zone_dir == uapi.NF_CT_DEFAULT_ZONE_DIR:
            template.put(uapi.CTA_ZONE, struct.pack(">H", zone))
        put(template, rows)
        raw = template.filled(kind, flags, sequence, rows.height)
        yield Messages(raw, rows["place"].to_numpy().astype(np.intp))

"""Transport headers as columns of the packet schema, many at once.

What makes a header broken is what the kernel's tracker looks at before anything else: ``tcp_error``,
``udp_error``, ``udplite_error``, ``icmp_error`` in ``net/netfilter/nf_conntrack_proto_*.c``; checksums apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence import uapi
from halftrack.formats.pcap.fates import CUT, GOOD, Fates, doom
from halftrack.formats.pcap.fields import Flags, Places, chosen

if TYPE_CHECKING:
    from halftrack.formats.pcap.network import Datagrams

_LEAST: Final = {
    uapi.IPPROTO_TCP: 20,
    uapi.IPPROTO_UDP: 8,
    uapi.IPPROTO_UDPLITE: 8,
    uapi.IPPROTO_SCTP: 12,
    uapi.IPPROTO_DCCP: 12,
    uapi.IPPROTO_ICMP: 8,
    uapi.IPPROTO_ICMPV6: 8,
}
"""Bytes of a transport's header."""
_NEEDED: Final = {
    **_LEAST,
    uapi.IPPROTO_TCP: 16,
    uapi.IPPROTO_SCTP: 4,
    uapi.IPPROTO_DCCP: 4,
}
"""Bytes of it that have to be captured: ports and numbers."""
_TIMESTAMP_ONLY: Final = 0x0101080A


def _by_protocol(given: dict[int, int]) -> Places:
    table = np.zeros(256, dtype=np.int64)
    for protocol, number in given.items():
        table[protocol] = number
    return table


_LEAST_OF: Final = _by_protocol(_LEAST)
_NEEDED_OF: Final = _by_protocol(_NEEDED)
_HAS_PORTS: Final = np.isin(np.arange(256), uapi.PORT_PROTOCOLS)
_IS_ICMP: Final = np.isin(np.arange(256), uapi.ICMP_PROTOCOLS)


@dataclass(frozen=True, slots=True)
class Ends:
    """Ports, or ICMP's type, code and identifier, and which of the packets have which."""

    with_ports: Flags
    sport: Places
    dport: Places
    with_type: Flags
    type: Places
    code: Places
    icmp_id: Places


@dataclass(frozen=True, slots=True)
class Transports:
    """``length``: bytes behind the header. ``broken``: see the packet schema. ``tcp``: which have numbers.

    ``options``: how many bytes of TCP options were captured, at ``options_at``; ``missing``: how many not.
    """

    ends: Ends
    length: Places
    broken: Flags
    tcp: Flags
    flags: Places
    seq: Places
    ack: Places
    window: Places
    options: Places
    options_at: Places
    missing: Places
    alone: Flags


def enter(found: Datagrams, fates: Fates) -> Transports:
    """Read transport headers; what was captured too short for that gets its fate."""
    fields, protocol = found.fields, found.l4proto
    good = fates == GOOD
    have = found.stop - found.transport
    captured = found.end - found.transport
    least = _LEAST_OF[protocol]
    broken = have < least
    rows = np.arange(len(protocol), dtype=np.int64)
    doom(fates, rows, captured < np.minimum(_NEEDED_OF[protocol], have), CUT)
    at = np.clip(found.transport, 0, found.end)
    second = fields.u16(at + 4)
    udp = (protocol == uapi.IPPROTO_UDP) & ((second > have) | (second < 8))
    lite = (protocol == uapi.IPPROTO_UDPLITE) & (second > 0) & ((second > have) | (second < 8))
    tcp = protocol == uapi.IPPROTO_TCP
    header = np.where(tcp, (fields.u8(at + 12) >> 4) * 4, least)
    broken |= udp | lite | (tcp & ((header < 20) | (header > have)))
    tcp &= good & ~broken
    options = np.where(tcp, header - 20, 0)
    there = np.clip(captured - 20, 0, options)
    return Transports(
        ends(found, good),
        np.where(broken, 0, have - header),
        broken,
        tcp,
        fields.u8(at + 13),
        fields.u32(at + 4),
        fields.u32(at + 8),
        fields.u16(at + 14),
        there,
        at + 20,
        options - there,
        (there == 12) & (options == 12) & (fields.u32(at + 20) == _TIMESTAMP_ONLY),
    )


def ends(found: Datagrams, good: Flags) -> Ends:
    """What a transport's header says of a packet's ends, as far as it reaches."""
    fields, protocol = found.fields, found.l4proto
    at = np.clip(found.transport, 0, found.end)
    captured = found.end - at
    first = fields.u8(at)
    with_ports = good & _HAS_PORTS[protocol] & (captured >= 4)
    with_type = good & _IS_ICMP[protocol] & (captured >= 8)
    return Ends(
        with_ports,
        fields.u16(at),
        fields.u16(at + 2),
        with_type,
        first,
        fields.u8(at + 1),
        fields.u16(at + 4),
    )


def has_ends(l4proto: Places) -> Flags:
    """Of which protocols a packet's tuple needs more than IP says."""
    needed: Flags = _HAS_PORTS[l4proto] | _IS_ICMP[l4proto]
    return needed


_ERRORS: Final = (3, 4, 5, 11, 12)
"""ICMP types that quote a packet (``icmp_error``); of ICMPv6, all below 128."""


def quoting(found: Datagrams, ends_of: Ends) -> Places:
    """Indices of ICMP errors; what they quote begins eight bytes behind their header's beginning."""
    old = (found.l4proto == uapi.IPPROTO_ICMP) & np.isin(ends_of.type, _ERRORS)
    new = (found.l4proto == uapi.IPPROTO_ICMPV6) & (ends_of.type < 128)
    return chosen(ends_of.with_type & (old | new))

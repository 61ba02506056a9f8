"""IPv4 and IPv6 headers, many at once.

Sources: RFC 791, RFC 8200; ``ip_rcv_core`` (``net/ipv4/ip_input.c``), ``ip6_rcv_core``
(``net/ipv6/ip6_input.c``) and ``ipv6_skip_exthdr`` (``net/ipv6/exthdrs_core.c``) for what the kernel
makes of them. IP's lengths are believed, and not how much was captured.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence.addresses import V4_MAPPED
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.formats.pcap.fates import CUT, FRAGMENT, GOOD, MALFORMED, NO_TRANSPORT, NOT_IP, doom
from halftrack.formats.pcap.fields import Fields, Places, Words, chosen
from halftrack.formats.pcap.links import EITHER, IPV4, IPV6

if TYPE_CHECKING:
    from halftrack.formats.pcap.fates import Fates

_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _NOTHING, _OPTIONS = 0, 43, 44, 51, 59, 60
_EXTENSIONS: Final = (_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS)
_MOST_EXTENSIONS: Final = 255
_MORE, _OFFSET = 0x2000, 0x1FFF
_PART_OF_MORE: Final = 0xFFF9
_JUMBO: Final = 0xFFFF + 40


@dataclass(slots=True)
class Datagrams:
    """One item a packet; those that are no IP hold nothing that means anything.

    ``at``: of the network header; ``transport``: behind it and its extensions. ``stop``: where the packet
    ends by its own account, ``end``: where its captured bytes do. ``size``: of the IP packet. ``names``: of
    IPv6, position of the byte that names the header at ``transport``; ``ip_id``: of IPv4.
    """

    fields: Fields
    at: Places
    transport: Places
    stop: Places
    end: Places
    size: Places
    family: Places
    l4proto: Places
    names: Places
    ip_id: Places
    src_hi: Words
    src_lo: Words
    dst_hi: Words
    dst_lo: Words


def enter(
    fields: Fields, at: Places, end: Places, wire_end: Places, *, protocol: Places, fates: Fates
) -> Datagrams:
    """Read network headers at ``at``, of packets captured up to ``end`` and sent up to ``wire_end``.

    ``protocol``: EtherTypes. Whatever has a transport keeps a good fate; fragments have theirs.
    """
    count = len(at)
    numbers = [np.zeros(count, dtype=np.int64) for _ in range(7)]
    words = [np.zeros(count, dtype=np.uint64) for _ in range(4)]
    transport, stop, size, family, l4proto, names, ip_id = numbers
    found = Datagrams(fields, at, transport, stop, end.copy(), size, family, l4proto, names, ip_id, *words)
    version = fields.u8(at) >> 4
    any_row = np.arange(count, dtype=np.int64)
    doom(fates, any_row, (protocol != EITHER) & (protocol != IPV4) & (protocol != IPV6), NOT_IP)
    doom(fates, any_row, at >= end, CUT)
    doom(fates, any_row, (version != 4) & (version != 6) & (protocol == EITHER), NOT_IP)
    doom(fates, any_row, (version != 4) & (protocol == IPV4), MALFORMED)
    doom(fates, any_row, (version != 6) & (protocol == IPV6), MALFORMED)
    _enter_4(found, chosen((fates == GOOD) & (version == 4)), wire_end, fates)
    _enter_6(found, chosen((fates == GOOD) & (version == 6)), wire_end, fates)
    return found


def _enter_4(found: Datagrams, rows: Places, wire_end: Places, fates: Fates) -> None:
    fields, at = found.fields, found.at[rows]
    header = (fields.u8(at) & 15) * 4
    total = fields.u16(at + 2)
    # Segments that are yet to be cut say nothing where they are too long, and some do where they are not.
    total = np.where(total == 0, wire_end[rows] - at, total)
    doom(fates, rows, at + 20 > found.end[rows], CUT)
    doom(fates, rows, (header < 20) | (total < header), MALFORMED)
    doom(fates, rows, (fields.u16(at + 6) & (_MORE | _OFFSET)) > 0, FRAGMENT)
    found.family[rows] = AF_INET
    found.l4proto[rows] = fields.u8(at + 9)
    found.ip_id[rows] = fields.u16(at + 4)
    found.src_lo[rows] = (V4_MAPPED | fields.u32(at + 12)).astype(np.uint64)
    found.dst_lo[rows] = (V4_MAPPED | fields.u32(at + 16)).astype(np.uint64)
    found.transport[rows] = at + header
    _ends(found, rows, total)


def _enter_6(found: Datagrams, rows: Places, wire_end: Places, fates: Fates) -> None:
    fields, at = found.fields, found.at[rows]
    total = fields.u16(at + 4) + 40
    wire = wire_end[rows] - at
    first = fields.u8(at + 6)
    total = np.where((total == 40) & ((first == _HOP) | (wire > _JUMBO)), np.maximum(wire, 40), total)
    doom(fates, rows, at + 40 > found.end[rows], CUT)
    found.family[rows] = AF_INET6
    found.l4proto[rows] = first
    found.names[rows] = at + 6
    for stem, words in enumerate((found.src_hi, found.src_lo, found.dst_hi, found.dst_lo)):
        words[rows] = fields.u64(at + 8 + 8 * stem)
    found.transport[rows] = at + 40
    _ends(found, rows, total)
    _skip_extensions(found, rows, fates)


def _ends(found: Datagrams, rows: Places, total: Places) -> None:
    found.size[rows] = total
    found.stop[rows] = found.at[rows] + total
    found.end[rows] = np.minimum(found.end[rows], found.stop[rows])


def _skip_extensions(found: Datagrams, rows: Places, fates: Fates) -> None:
    fields, every = found.fields, rows
    for _ in range(_MOST_EXTENSIONS):
        rows = rows[(fates[rows] == GOOD) & np.isin(found.l4proto[rows], _EXTENSIONS)]
        if not len(rows):
            break
        at, kind = found.transport[rows], found.l4proto[rows]
        doom(fates, rows, at + 8 > found.stop[rows], NO_TRANSPORT)
        doom(fates, rows, at + 8 > found.end[rows], CUT)
        at = np.minimum(at, found.end[rows])
        piece = kind == _FRAGMENT
        doom(fates, rows, piece & ((fields.u16(at + 2) & _PART_OF_MORE) > 0), FRAGMENT)
        units = fields.u8(at + 1)
        length = np.where(kind == _AUTHENTICATION, (units + 2) * 4, (units + 1) * 8)
        length[piece] = 8
        on = fates[rows] == GOOD
        rows, at = rows[on], at[on]
        # A datagram in a single fragment counts without the header that says so: the kernel takes it out.
        found.size[rows] -= np.where(piece[on], 8, 0)
        found.l4proto[rows] = fields.u8(at)
        found.names[rows] = at
        found.transport[rows] = at + length[on]
    kind = found.l4proto[every]
    doom(fates, every, (kind == _NOTHING) | np.isin(kind, _EXTENSIONS), NO_TRANSPORT)
    doom(fates, every, found.transport[every] > found.stop[every], NO_TRANSPORT)

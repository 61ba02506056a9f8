"""Link layers: where the network's header begins, and of which protocol it is.

Sources: the list of LINKTYPE_* (``pcap-linktype(7)``, tcpdump.org), IEEE 802.3, 802.1Q and 802.1ad,
RFC 1042 (SNAP), RFC 1661 and 2516 (PPP, PPPoE), RFC 3032 (MPLS), ``uapi/linux/if_ether.h``.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.formats.pcap.fates import CUT, LINK_UNKNOWN, doom
from halftrack.formats.pcap.fields import Fields, Places, chosen
from halftrack.formats.pcap.records import ways

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.formats.pcap.fates import Fates
    from halftrack.formats.pcap.records import Records

IPV4: Final = 0x0800
IPV6: Final = 0x86DD
EITHER: Final = -1
"""Whatever the first four bits of the network's header say."""
_NEITHER: Final = 0
_VLANS: Final = (0x8100, 0x88A8, 0x9100, 0x9200)
_MPLS: Final = (0x8847, 0x8848)
_PPPOE: Final = 0x8864
_MOST_TAGS: Final = 16
_SLL, _SLL2 = 113, 276
_SNAP: Final = 0xAAAA03
_LEAST_TYPE: Final = 0x0600
"""Below, the two bytes are a length."""
_PPP_IPV4, _PPP_IPV6, _PPP_MPLS = 0x0021, 0x0057, 0x0281
_PPP_ADDRESS: Final = 0xFF03
_NFULA_PAYLOAD: Final = 9
_MOST_ATTRIBUTES: Final = 64
_FAMILIES: Final = MappingProxyType({2: IPV4, 10: IPV6, 24: IPV6, 28: IPV6, 30: IPV6})
"""AF_INET, and AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS."""


@dataclass(slots=True)
class Networks:
    """Where packets' network headers begin, and their EtherTypes; one item a packet."""

    at: Places
    protocol: Places


@dataclass(slots=True)
class _Cursor:
    """Some packets of a block: positions to read on from, and where the captured bytes end."""

    fields: Fields
    at: Places
    end: Places
    protocol: Places

    def pick(self, rows: Places) -> _Cursor:
        return _Cursor(self.fields, self.at[rows], self.end[rows], self.protocol[rows])

    def put(self, rows: Places, other: _Cursor) -> None:
        self.at[rows] = other.at
        self.protocol[rows] = other.protocol


def enter(records: Records, fates: Fates) -> Networks:
    """Step over the link layers; unknown ones and headers that were captured in part get a fate."""
    count = len(records)
    found = Networks(records.start.copy(), np.zeros(count, dtype=np.int64))
    for link in np.unique(records.link).tolist():
        rows = chosen(records.link == link)
        step = _LINKS.get(link)
        if step is None:
            doom(fates, rows, np.ones(len(rows), dtype=np.bool_), LINK_UNKNOWN)
            continue
        cursor = _Cursor(
            records.fields, found.at[rows], records.end[rows], np.full(len(rows), EITHER, dtype=np.int64)
        )
        step(cursor)
        doom(fates, rows, cursor.at > cursor.end, CUT)
        found.at[rows] = np.minimum(cursor.at, cursor.end)
        found.protocol[rows] = cursor.protocol
    return found


def told(records: Records) -> tuple[Places, Places]:
    """Records' interfaces and which way they went; where the link layer says more, what it says."""
    interface, outgoing = records.interface, records.outgoing
    for link, kind_at in ((_SLL, 1), (_SLL2, 10)):
        rows = chosen((records.link == link) & (records.end - records.start > kind_at))
        if not len(rows):
            continue
        start = records.start[rows]
        outgoing = outgoing.copy()
        outgoing[rows] = ways(records.fields.u8(start + kind_at))
        if link == _SLL2:
            interface = interface.copy()
            interface[rows] = records.fields.u32(start + 4)
    return interface, outgoing


def _ethernet(cursor: _Cursor) -> None:
    cursor.protocol = _read(cursor, 12, 2)
    cursor.at = cursor.at + 14
    _tags(cursor)


def _cooked(cursor: _Cursor) -> None:
    cursor.protocol = _read(cursor, 14, 2)
    cursor.at = cursor.at + 16
    _tags(cursor)


def _cooked_2(cursor: _Cursor) -> None:
    cursor.protocol = _read(cursor, 0, 2)
    cursor.at = cursor.at + 20
    _tags(cursor)


def _cisco(cursor: _Cursor) -> None:
    cursor.protocol = _read(cursor, 2, 2)
    cursor.at = cursor.at + 4
    _tags(cursor)


def _raw(cursor: _Cursor) -> None:
    """IP itself."""


def _raw_4(cursor: _Cursor) -> None:
    cursor.protocol[:] = IPV4


def _raw_6(cursor: _Cursor) -> None:
    cursor.protocol[:] = IPV6


def _null(cursor: _Cursor) -> None:
    """A family in the order of bytes of whoever captured; OpenBSD's is always big-endian."""
    family = _read(cursor, 0, 4)
    family = np.where(family > 0xFFFF, family >> 24 | family >> 8 & 0xFF00, family)
    cursor.protocol = _by_family(family)
    cursor.at = cursor.at + 4


def _by_family(family: Places) -> Places:
    protocol = np.full(len(family), _NEITHER, dtype=np.int64)
    for number, ethertype in _FAMILIES.items():
        protocol[family == number] = ethertype
    return protocol


def _ppp(cursor: _Cursor) -> None:
    """A frame with or without address and control, its protocol in two bytes or, if odd, in one."""
    addressed = _read(cursor, 0, 2) == _PPP_ADDRESS
    cursor.at = cursor.at + np.where(addressed, 2, 0)
    first = _read(cursor, 0, 1)
    short = (first & 1) == 1
    number = np.where(short, first, _read(cursor, 0, 2))
    cursor.at = cursor.at + np.where(short, 1, 2)
    cursor.protocol = np.full(len(number), _NEITHER, dtype=np.int64)
    for ppp, ethertype in ((_PPP_IPV4, IPV4), (_PPP_IPV6, IPV6), (_PPP_MPLS, _MPLS[0])):
        cursor.protocol[number == ppp] = ethertype
    _labels(cursor)


def _hdlc_ppp(cursor: _Cursor) -> None:
    """PPP, or frames as Cisco's routers make them, whose first byte is no PPP address."""
    foreign = chosen(np.isin(_read(cursor, 0, 1), (0x0F, 0x8F)))
    other = cursor.pick(foreign)
    _cisco(other)
    _ppp(cursor)
    cursor.put(foreign, other)


def _pppoe(cursor: _Cursor) -> None:
    cursor.at = cursor.at + 6
    _ppp(cursor)


def _mpls(cursor: _Cursor) -> None:
    cursor.protocol[:] = _MPLS[0]
    _labels(cursor)


def _nflog(cursor: _Cursor) -> None:
    """Attributes in the order of bytes of whoever captured; one of them is the packet."""
    cursor.protocol = _by_family(_read(cursor, 0, 1))
    at = cursor.at + 4
    done = np.zeros(len(at), dtype=np.bool_)
    cursor.at = cursor.end + 1
    for _ in range(_MOST_ATTRIBUTES):
        rows = chosen(~done & (at + 4 <= cursor.end))
        if not len(rows):
            break
        here = at[rows]
        head = cursor.fields.u32(here)
        length, kind = _swapped(head >> 16), _swapped(head & 0xFFFF)
        # A type is small: what looks like a large one is in the other order.
        big = kind > 0xFF
        length, kind = np.where(big, head >> 16, length), np.where(big, head & 0xFFFF, kind)
        payload = kind == _NFULA_PAYLOAD
        cursor.at[rows[payload]] = here[payload] + 4
        done[rows] = payload | (length < 4)
        at[rows] = here + (length + 3 & ~3)


def _swapped(number: Places) -> Places:
    return number >> 8 | (number & 0xFF) << 8


def _tags(cursor: _Cursor) -> None:
    """Step over what may stand between a frame's type and the network: SNAP, VLANs, MPLS, PPPoE."""
    rows = chosen(cursor.protocol < _LEAST_TYPE)
    if len(rows):
        inner = cursor.pick(rows)
        snap = _read(inner, 0, 4) >> 8 == _SNAP
        inner.protocol = np.where(snap, _read(inner, 6, 2), _NEITHER)
        inner.at = inner.at + np.where(snap, 8, 0)
        cursor.put(rows, inner)
    for _ in range(_MOST_TAGS):
        rows = chosen(np.isin(cursor.protocol, _VLANS))
        if not len(rows):
            break
        inner = cursor.pick(rows)
        inner.protocol = _read(inner, 2, 2)
        inner.at = inner.at + 4
        cursor.put(rows, inner)
    _labels(cursor)
    rows = chosen(cursor.protocol == _PPPOE)
    if len(rows):
        inner = cursor.pick(rows)
        _pppoe(inner)
        cursor.put(rows, inner)


def _labels(cursor: _Cursor) -> None:
    """Step over MPLS labels; what they lead to only its own first bits tell."""
    rows = chosen(np.isin(cursor.protocol, _MPLS))
    for _ in range(_MOST_TAGS):
        if not len(rows):
            break
        inner = cursor.pick(rows)
        bottom = (_read(inner, 2, 1) & 1) == 1
        inner.protocol[bottom] = EITHER
        inner.at = inner.at + 4
        cursor.put(rows, inner)
        rows = rows[~bottom]


def _read(cursor: _Cursor, offset: int, width: int) -> Places:
    """A number behind each position; past the end of a packet, anything."""
    at = np.minimum(cursor.at, cursor.end) + offset
    match width:
        case 1:
            return cursor.fields.u8(at)
        case 2:
            return cursor.fields.u16(at)
        case _:
            return cursor.fields.u32(at)


_LINKS: Final[MappingProxyType[int, Callable[[_Cursor], None]]] = MappingProxyType(
    {
        0: _null,
        1: _ethernet,
        9: _ppp,
        12: _raw,
        14: _raw,
        50: _hdlc_ppp,
        51: _pppoe,
        101: _raw,
        104: _cisco,
        108: _null,
        _SLL: _cooked,
        219: _mpls,
        228: _raw_4,
        229: _raw_6,
        239: _nflog,
        _SLL2: _cooked_2,
    }
)
"""By LINKTYPE_*: what steps over it, moving the cursor and setting the protocol."""

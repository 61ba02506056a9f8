"""The classic format: one header, then packets behind headers of sixteen bytes.

Sources: ``pcap-savefile(5)``, draft-ietf-opsawg-pcap; for the modified one, whose headers have eight bytes
more, ``sf-pcap.c`` of libpcap.
"""

from __future__ import annotations

import struct
from array import array
from typing import Final

import numpy as np

from halftrack.formats.pcap.fields import Fields, Places, unaligned
from halftrack.formats.pcap.records import MOST_BYTES, NO_INTERFACE, UNTOLD, Records, ways

_MICRO, _NANO, _MODIFIED = 0xA1B2C3D4, 0xA1B23C4D, 0xA1B2CD34
_HEADER: Final = 24
_SHORT, _LONG = 16, 24
_LINK_MASK: Final = 0x03FF_FFFF
"""The rest of the number says how long a frame's checksum is."""
_NS: Final = 1_000_000_000

MAGICS: Final = {
    struct.pack(order + "I", magic): (order, magic) for order in "<>" for magic in (_MICRO, _NANO, _MODIFIED)
}


class Classic:
    """Reads one file. Its header has to be whole in the first block that it is given."""

    lost = 0
    names: Final[frozenset[str]] = frozenset()
    """The format has no place for either."""

    def __init__(self) -> None:
        self.damage: str | None = None
        self._begun = False
        self._link = 0
        self._order = "<"
        self._ns_per_unit = 1
        self._head = _SHORT

    def walk(self, data: bytes, size: int) -> tuple[Records, int]:
        at = 0
        if not self._begun:
            if size < _HEADER:
                return self._records(data, array("q")), 0
            self._begin(data)
            at = _HEADER
        found = array("q")
        add, head = found.append, self._head
        length_at = struct.Struct(self._order + "I").unpack_from
        last = size - head
        while at <= last:
            (length,) = length_at(data, at + 8)
            after = at + head + length
            if length > MOST_BYTES:
                self.damage = f"the next packet is said to have {length:,} bytes"
                break
            if after > size:
                break
            add(at)
            at = after
        return self._records(data, found), at

    def _begin(self, data: bytes) -> None:
        self._order, magic = MAGICS[data[:4]]
        self._ns_per_unit = 1 if magic == _NANO else 1000
        self._head = _LONG if magic == _MODIFIED else _SHORT
        (link,) = struct.unpack_from(self._order + "I", data, 20)
        self._link = link & _LINK_MASK
        self._begun = True

    def _records(self, data: bytes, found: array[int]) -> Records:
        at: Places = np.frombuffer(found, dtype=np.int64)
        numbers = unaligned(data, self._order + "u4")

        def field(offset: int) -> Places:
            return numbers[at + offset].astype(np.int64)

        start = at + self._head
        captured = field(8)
        fields = Fields(data)
        interface = np.full(len(at), NO_INTERFACE, dtype=np.int64)
        outgoing = np.full(len(at), UNTOLD, dtype=np.int64)
        if self._head > _SHORT:
            interface, outgoing = field(16), ways(fields.u8(at + 22))
        return Records(
            fields,
            start,
            start + captured,
            np.maximum(field(12), captured),
            field(0) * _NS + field(4) * self._ns_per_unit,
            np.full(len(at), self._link, dtype=np.int64),
            interface,
            outgoing,
            np.zeros(len(at), dtype=np.bool_),
        )

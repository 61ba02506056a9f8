"""The block format, pcapng: sections of interfaces and of packets that name theirs.

Source: draft-ietf-opsawg-pcapng. Blocks that are of no use here (names, secrets, journals) are passed
over unread, whatever their length. Options are read of interfaces, and the first few of packets.
"""

from __future__ import annotations

import struct
from array import array
from typing import Final

import numpy as np

from halftrack.formats.pcap.fields import Fields, Flags, Places, chosen, unaligned
from halftrack.formats.pcap.interfaces import Interfaces
from halftrack.formats.pcap.records import MOST_BYTES, NEVER, NO_INTERFACE, UNTOLD, Records

_SECTION: Final = 0x0A0D0D0A
_INTERFACE, _STATISTICS = 1, 5
_OLD, _SIMPLE, _ENHANCED = 2, 3, 6
_PACKETS: Final = frozenset((_OLD, _SIMPLE, _ENHANCED))
_READ: Final = _PACKETS | {_SECTION, _INTERFACE, _STATISTICS}
_LEAST: Final = {_SECTION: 28, _INTERFACE: 20, _STATISTICS: 24, _OLD: 32, _SIMPLE: 16, _ENHANCED: 32}
_LEAST_OF_ALL: Final = 12
_END, _FLAGS = 0, 2
_INBOUND, _OUTBOUND = 1, 2
_MOST_OPTIONS: Final = 8
_ORDERS: Final = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}


class Blocks:
    """Reads one file, which begins with a section header. ``looked_for``: an interface's name."""

    def __init__(self, looked_for: str | None = None) -> None:
        self.damage: str | None = None
        self._order = "<"
        self._interfaces = Interfaces(looked_for)
        self._before = 0
        self._runs: list[tuple[int, int, str]] = []

    @property
    def lost(self) -> int:
        return self._interfaces.lost

    @property
    def names(self) -> set[str]:
        return self._interfaces.names

    def walk(self, data: bytes, size: int) -> tuple[Records, int]:
        found = array("q")
        add = found.append
        self._interfaces.forget_earlier_sections()
        self._runs = [(0, 0, self._order)]
        head = struct.Struct(self._order + "II").unpack_from
        at, last = 0, size - _LEAST_OF_ALL
        while at <= last:
            kind, length = head(data, at)
            after = at + length
            if kind == _ENHANCED and after <= size and 32 <= length <= MOST_BYTES and not length & 3:
                add(at)
                at = after
                continue
            if kind == _SECTION:
                head = struct.Struct(_ORDERS.get(data[at + 8 : at + 12], self._order) + "II").unpack_from
                kind, length = head(data, at)
                after = at + length
            if not _is_sound(kind, length):
                self.damage = f"the next block is said to have {length:,} bytes"
                break
            if kind in _READ and after > size:
                break
            if kind in _PACKETS:
                add(at)
            elif kind in _READ and not self._described(data, at, length, len(found)):
                break
            at = after
        records = self._records(data, found)
        self._before += at
        return records, at

    def _described(self, data: bytes, at: int, length: int, packets: int) -> bool:
        """Take over a block that holds no packet; False: nothing that follows can be read."""
        (kind,) = struct.unpack_from(self._order + "I", data, at)
        if kind == _INTERFACE:
            self._interfaces.add(data, at, length, self._order, self._before + at)
            return True
        if kind == _STATISTICS:
            self._interfaces.count_lost(data, at, length, self._order)
            return True
        order = _ORDERS.get(data[at + 8 : at + 12])
        if order is None:
            self.damage = "a section does not say in which order its bytes are"
            return False
        if struct.unpack_from(order + "H", data, at + 12)[0] != 1:
            self.damage = "a section is of a version that is not known"
            return False
        self._order = order
        self._interfaces.begin_section()
        self._runs.append((packets, self._interfaces.section, order))
        return True

    def _records(self, data: bytes, found: array[int]) -> Records:
        at: Places = np.frombuffer(found, dtype=np.int64)
        first, big = self._sections(len(at))
        numbers = _Numbers(data, big)
        length = numbers.u32(at + 4)
        good = numbers.u32(at + length - 4) == length
        if not good.all():
            sound = int(np.argmin(good))
            self.damage = f"a block begins with a length of {length[sound]:,} bytes and ends with another"
            at, first, big, length = at[:sound], first[:sound], big[:sound], length[:sound]
            numbers = _Numbers(data, big)
        kind = numbers.u32(at)
        simple = kind == _SIMPLE
        named = numbers.u32(at + 8)
        old = chosen(kind == _OLD)
        named[old] = numbers.u16(at + 8)[old]
        named[simple] = 0
        place = np.where(named < self._limits(len(at)) - first, first + named, -1)
        link, known = self._interfaces.find(place, self._before + at)
        ticks = numbers.u32(at + 12).astype(np.uint64) << np.uint64(32)
        ticks |= numbers.u32(at + 16).astype(np.uint64)
        at_ns = self._interfaces.times(place, known, ticks)
        at_ns[simple] = NEVER
        start = at + np.where(simple, 12, 28)
        held = length - np.where(simple, 16, 32)
        captured = np.minimum(numbers.u32(at + np.where(simple, 8, 20)), held)
        return Records(
            Fields(data),
            start,
            start + captured,
            np.maximum(numbers.u32(at + np.where(simple, 8, 24)), captured),
            at_ns,
            link,
            np.where(known, named, NO_INTERFACE),
            _outgoing(numbers, at + 28 + (captured + 3 & ~3), at + length - 4, kind == _ENHANCED),
            self._interfaces.called(place, known),
        )

    def _sections(self, count: int) -> tuple[Places, Flags]:
        """For each packet its section's first interface, and whether its numbers are big-endian."""
        lengths = self._run_lengths(count)
        first = np.repeat(np.array([first for _, first, _ in self._runs], dtype=np.int64), lengths)
        return first, np.repeat(np.array([order == ">" for _, _, order in self._runs]), lengths)

    def _limits(self, count: int) -> Places:
        """For each packet the place behind its section's last interface."""
        ends = [first for _, first, _ in self._runs[1:]] + [len(self._interfaces)]
        return np.repeat(np.array(ends, dtype=np.int64), self._run_lengths(count))

    def _run_lengths(self, count: int) -> Places:
        starts = np.array([*(start for start, _, _ in self._runs), count], dtype=np.int64)
        return np.diff(np.minimum(starts, count))


def _outgoing(numbers: _Numbers, at: Places, end: Places, enhanced: Flags) -> Places:
    """Which way packets went, where one of their first options, from ``at`` up to ``end``, says so."""
    found = np.full(len(at), UNTOLD, dtype=np.int64)
    at = at.copy()
    rows = chosen(enhanced & (at + 8 <= end))
    for _ in range(_MOST_OPTIONS):
        if not len(rows):
            break
        here = at[rows]
        code, length = numbers.u16(here, rows), numbers.u16(here + 2, rows)
        flags = (code == _FLAGS) & (length == 4)
        way = numbers.u32(here + 4, rows) & 3
        found[rows[flags & (way == _INBOUND)]] = 0
        found[rows[flags & (way == _OUTBOUND)]] = 1
        at[rows] = here + 4 + (length + 3 & ~3)
        rows = rows[~flags & (code != _END) & (at[rows] + 8 <= end[rows])]
    return found


def _is_sound(kind: int, length: int) -> bool:
    """Whether a block can be that long; what is passed over may have any length."""
    if length < _LEAST.get(kind, _LEAST_OF_ALL) or length & 3:
        return False
    return length <= MOST_BYTES or kind not in _READ


class _Numbers:
    """Numbers of a block in the order of bytes of each packet's section."""

    def __init__(self, data: bytes, big: Flags) -> None:
        self._data = data
        self._big = big
        self._orders = [order for order, some in (("<", not big.all()), (">", big.any())) if some]

    def u32(self, at: Places, rows: Places | None = None) -> Places:
        """At one position for each packet, or for each of ``rows``."""
        return self._of("u4", at, rows)

    def u16(self, at: Places, rows: Places | None = None) -> Places:
        return self._of("u2", at, rows)

    def _of(self, kind: str, at: Places, rows: Places | None) -> Places:
        read = [unaligned(self._data, order + kind)[at].astype(np.int64) for order in self._orders]
        if len(read) == 2:
            return np.where(self._big if rows is None else self._big[rows], read[1], read[0])
        return read[0] if read else np.empty(0, dtype=np.int64)

"""Interfaces that a pcapng file describes: their link types, and what their clocks count.

``if_tsresol`` is a power of ten or of two; ``if_tsoffset`` are seconds to be added.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from halftrack.evidence.printable import escaped
from halftrack.formats.pcap.records import NEVER, UNKNOWN_LINK

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from halftrack.formats.pcap.fields import Flags, Places, Words

_END, _NAME, _RESOLUTION, _OFFSET = 0, 2, 9, 14
_LOST: Final = (5, 7)
"""``isb_ifdrop``, ``isb_osdrop``: packets that came and are not in the file."""
_MOST: Final = 1 << 16
"""Interfaces of one section that are remembered."""
_MOST_NAMES: Final = 20
_LONGEST_NAME: Final = 40
_FARTHEST_S: Final = 9_000_000_000
"""Seconds from 1970 that can be counted in nanoseconds of 64 bits."""
_EXACT: Final = 34
"""A fraction of a second times a thousand million fits in 64 bits where it has no more bits than this."""


class _Interface(NamedTuple):
    """``at``: where in the file it is described. A clock's number is ``per_s`` to the second.

    Of what is left of a second, ``>> shift``, ``* times`` and ``// parts`` make nanoseconds. ``called``: by
    the name that is looked for.
    """

    at: int
    link: int
    per_s: int
    shift: int
    times: int
    parts: int
    offset_s: int
    called: bool


class Interfaces:
    """Those of the current section and, until they are forgotten, of the ones before.

    ``section``: place of the current section's first one. ``names``: of the first few.
    """

    def __init__(self, looked_for: str | None = None) -> None:
        self.section = 0
        self.names: set[str] = set()
        self._looked_for = None if looked_for is None else looked_for.encode()
        self._all: list[_Interface] = []
        self._lost: dict[int, int] = {}
        self._lost_before = 0

    @property
    def lost(self) -> int:
        """Packets that the capture says it does not hold."""
        return self._lost_before + sum(self._lost.values())

    def begin_section(self) -> None:
        self.section = len(self._all)
        self._lost_before, self._lost = self.lost, {}

    def forget_earlier_sections(self) -> None:
        del self._all[: self.section]
        self.section = 0

    def add(self, data: bytes, at: int, length: int, order: str, position: int) -> None:
        """Take over a description block; ``position``: where in the file it begins."""
        if len(self._all) - self.section >= _MOST:
            return
        (link,) = struct.unpack_from(order + "H", data, at + 8)
        resolution, offset, called = 6, 0, False
        for code, value in _options(data, at + 16, at + length - 4, order):
            if code == _RESOLUTION and len(value) == 1:
                resolution = value[0]
            elif code == _OFFSET and len(value) == 8:
                (offset,) = struct.unpack(order + "q", value)
            elif code == _NAME:
                called = value == self._looked_for
                if len(self.names) < _MOST_NAMES:
                    self.names.add(escaped(value[:_LONGEST_NAME].decode("utf-8", "replace")))
        clock = _units(resolution) if abs(offset) < 2 * _FARTHEST_S else _NO_CLOCK
        self._all.append(_Interface(position, link, *clock, offset if clock[0] else 0, called))

    def count_lost(self, data: bytes, at: int, length: int, order: str) -> None:
        """Take over a statistics block; each one of an interface replaces what the last one said."""
        (number,) = struct.unpack_from(order + "I", data, at + 8)
        if self.section + number < len(self._all):
            told = _options(data, at + 20, at + length - 4, order)
            counts = {code: value for code, value in told if code in _LOST and len(value) == 8}
            self._lost[number] = sum(struct.unpack(order + "Q", value)[0] for value in counts.values())

    def __len__(self) -> int:
        return len(self._all)

    def find(self, place: Places, position: Places) -> tuple[Places, Flags]:
        """For packets at ``position`` of the interfaces at ``place``: link types, and which are known."""
        table = self._columns("at", "link")
        known = (place >= 0) & (place < len(self._all))
        inside = np.where(known, place, 0)
        if len(self._all):
            known &= position > table["at"][inside]
            return np.where(known, table["link"][inside], UNKNOWN_LINK), known
        return np.full(len(place), UNKNOWN_LINK, dtype=np.int64), known

    def called(self, place: Places, known: Flags) -> Flags:
        """Which packets are of an interface of the name that is looked for."""
        if self._looked_for is None or not len(self._all):
            return np.zeros(len(place), dtype=np.bool_)
        found: Flags = known & (self._columns("called")["called"] > 0)[np.where(known, place, 0)]
        return found

    def times(self, place: Places, known: Flags, counted: Words) -> Places:
        """What interfaces' clocks counted, as nanoseconds since 1970; ``NEVER`` where that cannot be."""
        at_ns = np.full(len(place), NEVER, dtype=np.int64)
        table = self._columns("per_s", "shift", "times", "parts", "offset_s")
        clock = np.flatnonzero(known)
        if not len(clock):
            return at_ns
        clock = clock[table["per_s"][place[clock]] > 0]
        of = place[clock]
        per_s = table["per_s"][of].astype(np.uint64)
        seconds, rest = counted[clock] // per_s, counted[clock] % per_s
        rest >>= table["shift"][of].astype(np.uint64)
        ns = rest * table["times"][of].astype(np.uint64) // table["parts"][of].astype(np.uint64)
        fits = seconds < _FARTHEST_S * 2
        whole = np.where(fits, seconds, 0).astype(np.int64) + table["offset_s"][of]
        fits &= np.abs(whole) < _FARTHEST_S
        at_ns[clock[fits]] = whole[fits] * 1_000_000_000 + ns[fits].astype(np.int64)
        return at_ns

    def _columns(self, *names: str) -> dict[str, npt.NDArray[np.int64]]:
        return {name: np.array([getattr(one, name) for one in self._all], dtype=np.int64) for name in names}


_NO_CLOCK: Final = (0, 0, 0, 1)


def _options(data: bytes, at: int, end: int, order: str) -> Iterator[tuple[int, bytes]]:
    """A block's options: codes and values."""
    head = struct.Struct(order + "HH")
    while at + 4 <= end:
        code, length = head.unpack_from(data, at)
        at += 4
        if code == _END or at + length > end:
            break
        yield code, data[at : at + length]
        at += length + 3 & ~3


def _units(resolution: int) -> tuple[int, int, int, int]:
    """``per_s``, ``shift``, ``times``, ``parts``; ``_NO_CLOCK``: too fine to reckon with."""
    power = resolution & 0x7F
    if resolution & 0x80:
        if power > 62:
            return _NO_CLOCK
        kept = min(power, _EXACT)
        return 1 << power, power - kept, 1_000_000_000, 1 << kept
    if power > 18:
        return _NO_CLOCK
    return 10**power, 0, 10 ** max(9 - power, 0), 10 ** max(power - 9, 0)

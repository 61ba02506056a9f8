"""Stand-ins for what a later bundle has and a map does not: those that are known stay as they are.

New ones go into the gaps between them (``layout``), so that the order, and every network and range, hold
for all together. Where a gap is too small, or a new network cannot be told apart from who is around it, there
is no room, and nothing is made up.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right, insort
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.masking import kinds
from halftrack.masking.kinds import BITS, Network, Room
from halftrack.masking.layout import WIDEST, NoRoom, told_apart

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_NONE: Final = "the map has no room for all that is new (without --map it gets a map of its own)"


def extended(
    addresses: Collection[int],
    networks: Collection[Network],
    known: tuple[Mapping[int, int], Mapping[Network, Network]],
) -> tuple[dict[int, int], dict[Network, Network]]:
    """``known``: as ``layout.stand_ins`` gave them; they are in what comes back. Raises NoRoom."""
    found, found_networks = dict(known[0]), dict(known[1])
    kept = {each.first for each in (*networks, *known[1]) if kinds.keeps(each.first)}
    by_room, within = told_apart(addresses, networks)
    old, old_networks = told_apart(known[0], known[1])
    # Of a network whose first address is kept, the map has no more than where it begins.
    begins = {each.first: other.first for each, other in known[1].items()}
    for room, its in by_room.items():
        there = _Room(
            room,
            [(each, found[each] if each in found else begins[each]) for each in old.get(room, ())],
            {each: found_networks[each] for each in old_networks.get(room, ())},
        )
        new = [each for each in its if each not in found and each not in kept]
        for net in within.get(room, ()):
            if net not in found_networks:
                there.add(net, bisect_right(new, net.last) - bisect_left(new, net.first))
        found.update(each for each in there.addresses if each[0] not in kept)
        found_networks.update(there.networks)
        taken = set(its[bisect_left(its, room.base) : bisect_right(its, room.end)])
        found.update(there.filled([each for each in new if each not in found], taken))
    return found, found_networks


@dataclass(slots=True)
class _Room:
    """What stands where in a room. ``addresses``: in order, each with its stand-in."""

    room: Room
    addresses: list[tuple[int, int]]
    networks: dict[Network, Network]

    def add(self, net: Network, new: int) -> None:
        """A network, with ``new`` addresses in it that are not here yet. Raises NoRoom."""
        begin = bisect_left(self.addresses, (net.first, 0))
        end = bisect_left(self.addresses, (net.last + 1, 0))
        inside = self.addresses[begin:end]
        low = self.addresses[begin - 1][1] + 1 if begin else self.room.base
        high = self.addresses[end][1] - 1 if end < len(self.addresses) else self.room.end
        held = [place for _, place in (*inside[:1], *inside[-1:])]
        for one, other in self.networks.items():
            if one.last < net.first:
                low = max(low, other.last + 1)
            elif one.first > net.last:
                high = min(high, other.first - 1)
            elif one.length < net.length:
                low, high = max(low, other.first), min(high, other.last)
            else:
                held += [other.first, other.last]
        first = inside[0][1] if inside and inside[0][0] == net.first else None
        free = high - low + 1
        for bits in range(((new + 1) * WIDEST).bit_length(), 0, -1):
            size = 1 << bits
            at = -(-(low + (free - size) // 2) // size) * size if not held else min(held) // size * size
            if first is None and inside and at == inside[0][1]:
                continue
            fits = low <= at and at + size - 1 <= high and max(held, default=at) < at + size
            if fits and (first in (None, at)) and (held or 2 * size <= free) and size >= new:
                if first is None:
                    insort(self.addresses, (net.first, at))
                self.networks[net] = Network(at, BITS - bits)
                return
        raise NoRoom(_NONE)

    def filled(self, new: Sequence[int], taken: set[int]) -> dict[int, int]:
        """Addresses between what is here, none of them where one of ``taken`` is. Raises NoRoom."""
        order, places = self._marks()
        found: dict[int, int] = {}
        for at, some in itertools.groupby(new, lambda each: bisect_left(order, 2 * each)):
            run = list(some)
            low, high = places[at - 1][1] // 2 + 1, (places[at][0] - 1) // 2
            wide = 1 if taken else (high - low + 1) // len(run)
            spot = low + wide // 2
            for each in run:
                while spot in taken:
                    spot += 1
                if wide < 1 or spot > high:
                    raise NoRoom(_NONE)
                found[each] = spot
                spot += wide
        return found

    def _marks(self) -> tuple[list[int], list[tuple[int, int]]]:
        """What a stand-in has to stay between, all numbers doubled, and where that stands: least and most.

        A network begins half a place before its first address and ends half a place behind its last; of
        several that end at one address the stand-ins may not.
        """
        marks = {2 * each: (2 * place, 2 * place) for each, place in self.addresses}
        ends = [
            (2 * self.room.first - 1, 2 * self.room.base - 1),
            (2 * self.room.last + 1, 2 * self.room.end + 1),
        ]
        for one, other in self.networks.items():
            ends += [(2 * one.first - 1, 2 * other.first - 1), (2 * one.last + 1, 2 * other.last + 1)]
        for at, place in ends:
            least, most = marks.get(at, (place, place))
            marks[at] = min(least, place), max(most, place)
        order = sorted(marks)
        return order, [marks[at] for at in order]

"""Stand-ins for addresses: in the same order, and in a network of their own for each network.

So an address is in a network, or a range, where its stand-in is in that one's, and a list that is sorted
stays sorted. Networks become as large as what they hold: their stand-ins have other prefix lengths. As far
as there is room, gaps are left between stand-ins, for what a later bundle has in between (``extending``).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.masking import kinds
from halftrack.masking.kinds import BITS, Network, Room

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

_TRIES: Final = 12
_LEAST: Final = 2
"""Addresses in a network: with one it would be written as an address is."""
WIDEST: Final = 1 << 12
"""Places for each address, where there is so much room."""


class NoRoom(ValueError):
    """There are fewer stand-ins than addresses."""


class _Crowded(ValueError):
    """Addresses of the node stand where the stand-ins were to be."""


@dataclass(slots=True)
class _Node:
    """A network among the addresses of a room. ``begin``, ``end``: which of these, by their places."""

    network: Network
    begin: int
    end: int
    inner: list[_Node] = field(default_factory=list)
    size: int = 0


def stand_ins(
    addresses: Collection[int], networks: Collection[Network]
) -> tuple[dict[int, int], dict[Network, Network]]:
    """For each address and network that is not kept. Raises NoRoom.

    No stand-in is one of ``addresses``. A network's first address has the first of its network.
    """
    by_room, within = told_apart(addresses, networks)
    found: dict[int, int] = {}
    found_networks: dict[Network, Network] = {}
    for room, its in by_room.items():
        ours, theirs = _placed(room, its, within.get(room, []))
        found.update(zip(its, ours, strict=True))
        found_networks.update(theirs)
    # Of a network that begins with such an address, it stays nevertheless.
    for each in networks:
        if kinds.keeps(each.first):
            found.pop(each.first, None)
    return found, found_networks


def told_apart(
    addresses: Collection[int], networks: Collection[Network]
) -> tuple[dict[Room, list[int]], dict[Room, list[Network]]]:
    """Those that get stand-ins, in order, by their rooms; the first addresses of networks are among them."""
    told = [each for each in networks if not kinds.keeps_network(each) and each.length < BITS]
    wanted = {*kinds.own(sorted(addresses)), *(each.first for each in told)}
    by_room = kinds.by_room(sorted(wanted))
    within: dict[Room, list[Network]] = {}
    for one in sorted(set(told)):
        within.setdefault(kinds.room(one.first), []).append(one)
    return by_room, within


def _placed(
    room: Room, its: Sequence[int], networks: Sequence[Network]
) -> tuple[list[int], dict[Network, Network]]:
    taken = set(its[bisect_left(its, room.base) : bisect_right(its, room.end)])
    top = _tree(its, networks)
    for wide, begin, slack in _attempts(room, top):
        _measure(top, wide, slack)
        filling = _Filling(its, taken, wide)
        try:
            filling.fill(top, begin, room.end + 1)
        except _Crowded:
            continue
        return filling.found, filling.networks
    raise NoRoom(f"there are no stand-ins left for {len(its):,} addresses")


def _attempts(room: Room, top: _Node) -> Iterator[tuple[int, int, int]]:
    """Places for each address, the first place of all, and by how much networks are larger than they must be.

    Most is left for later; where that does not fit, nothing is.
    """
    wide, begin = WIDEST, room.base + 2 * _step(room)
    while wide > 1:
        _measure(top, wide, 1)
        if 4 * top.size <= room.end - begin:
            yield wide, begin, 1
        wide //= 2
    yield from ((1, room.base + attempt * _step(room), 1 << min(attempt, 4)) for attempt in range(_TRIES))


def _step(room: Room) -> int:
    """Aligned, so that every network fits that fitted before."""
    return 1 << max((room.end - room.base).bit_length() - 5, 0)


def _tree(its: Sequence[int], networks: Sequence[Network]) -> _Node:
    top = _Node(Network(0, 0), 0, len(its))
    above = [top]
    # The order of a network is by its first address, then its length: whoever holds it came before.
    for each in networks:
        while each.first > above[-1].network.last:
            above.pop()
        node = _Node(each, bisect_left(its, each.first), bisect_right(its, each.last))
        above[-1].inner.append(node)
        above.append(node)
    return top


def _measure(node: _Node, wide: int, slack: int) -> None:
    """Sizes from the inside out."""
    for each in node.inner:
        _measure(each, wide, slack)
    at = 0
    for part in _parts(node):
        at = (
            at + _places(node, at, part, wide)
            if isinstance(part, int)
            else _aligned(at, part.size) + part.size
        )
    largest = max((each.size for each in node.inner), default=0)
    node.size = 1 << (max(at * slack, 2 * largest, _LEAST) - 1).bit_length()


def _places(node: _Node, at: int, many: int, wide: int) -> int:
    """For so many addresses, with a gap before them but where the network begins."""
    return (many + (wide > 1 and (at > 0 or node.network.length == 0))) * wide


def _parts(node: _Node) -> Iterator[int | _Node]:
    """What lies in it: numbers of addresses that are in no inner network, and those networks, in order."""
    at = node.begin
    for each in node.inner:
        yield each.begin - at
        yield each
        at = each.end
    yield node.end - at


def _aligned(at: int, size: int) -> int:
    return -(-at // size) * size


class _Filling:
    """``wide``: places for each address, a power of two. It has the middle one; of a network the first."""

    def __init__(self, its: Sequence[int], taken: set[int], wide: int) -> None:
        self.found: list[int] = []
        self.networks: dict[Network, Network] = {}
        self._its, self._taken, self._wide = its, taken, wide
        # One more: what ends in a zero looks like a network.
        self._middle = wide // 2 + (wide > 2)

    def fill(self, node: _Node, begin: int, end: int) -> None:
        """``end``: the first address behind it. Raises _Crowded."""
        at = begin
        for part in _parts(node):
            if isinstance(part, int):
                self._run(at, part, node.network, end)
                at += _places(node, at - begin, part, self._wide)
                continue
            at = _aligned(at, part.size)
            if at in self._taken:
                raise _Crowded
            length = BITS - (part.size.bit_length() - 1)
            self.networks[part.network] = Network(at, length)
            self.fill(part, at, at + part.size)
            at += part.size
        if at > end:
            raise _Crowded

    def _run(self, at: int, count: int, network: Network, end: int) -> None:
        if not self._taken:
            begin, middle = len(self.found), at + self._middle
            self.found += range(middle, middle + count * self._wide, self._wide)
            if count and self._its[begin] == network.first:
                self.found[begin] = at
            return
        for _ in range(count):
            while at in self._taken:
                at += 1
            if at >= end:
                raise _Crowded
            self.found.append(at)
            at += self._wide

"""How many entries there were, at moments that are apart by the same time: at most ``MOST`` of them.

The time between them begins with a second and is doubled whenever there would be too many, so that nobody
has to know beforehand how long a capture lasts. A point counts what a look at the table would have shown at
that moment: entries that have run out are in none.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi

if TYPE_CHECKING:
    from halftrack.tcp.tracker import Tracker

MOST: Final = 60
_FIRST_S: Final = 1.0
_LATER: Final = frozenset(range(uapi.TCP_CONNTRACK_ESTABLISHED, uapi.TCP_CONNTRACK_CLOSE + 1))
"""States in which an entry without a reply is one-sided; before them it is half open."""


@dataclass(frozen=True, slots=True)
class Point:
    """``at_s``: seconds since the first packet. ``states``: TCP entries by state, and ``one_sided`` of them
    by state; ``protocols``: entries by protocol number, TCP among them.
    """

    at_s: float
    states: dict[int, int]
    one_sided: dict[int, int]
    protocols: dict[int, int]

    @property
    def entries(self) -> int:
        return sum(self.protocols.values())

    @property
    def one_sided_entries(self) -> int:
        return sum(self.one_sided.values())


def count(tracker: Tracker, at: float) -> Point:
    """What is in the table at a moment, no packet having come since the last one."""
    seen = uapi.IPS_SEEN_REPLY
    tcp = Counter(
        [entry.state << 2 | entry.status & seen for entry in tracker.connections if entry.deadline > at]
    )
    states: Counter[int] = Counter()
    one_sided = {}
    for code, number in tcp.items():
        state = code >> 2
        states[state] += number
        if not code & seen and state in _LATER:
            one_sided[state] = number
    others = Counter([entry.key[0] for entry in tracker.exchanges if entry.deadline > at])
    protocols = {protocol: number for protocol, number in others.items() if isinstance(protocol, int)}
    if states:
        protocols[uapi.IPPROTO_TCP] = states.total()
    return Point(at, dict(states), one_sided, protocols)


class Timeline:
    """``points``: so far. ``due``: the moment of the next one."""

    def __init__(self) -> None:
        self.interval_s = _FIRST_S
        self.points: list[Point] = []

    @property
    def due(self) -> float:
        return self.interval_s * (len(self.points) + 1)

    def reach(self, now: float, tracker: Tracker) -> None:
        """Count at every moment that is due before a packet at ``now``."""
        while now / self.interval_s >= MOST:
            self.interval_s *= 2
            del self.points[::2]
        while self.due <= now:
            self.points.append(count(tracker, self.due))

    def close(self, now: float, tracker: Tracker) -> Point:
        """The table at the end, which is also the last point."""
        self.reach(now, tracker)
        if self.points and self.points[-1].at_s == now:
            self.points.pop()
        self.points.append(count(tracker, now))
        return self.points[-1]

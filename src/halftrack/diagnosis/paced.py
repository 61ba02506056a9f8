"""A case's pace, and how much of it is each group's: the same time is looked at for all of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis.shape import FEWEST, rate_per_minute

if TYPE_CHECKING:
    import numpy.typing as npt

_SHORTEST_S: Final = 60
_SIGNIFICANT: Final = 4.0
"""Standard deviations by which halves of the same pace differ by chance."""


@dataclass(frozen=True, slots=True)
class Paced:
    """``per_minute``: entries that come, told from ``entries`` of them.

    These were last heard more than ``youngest_s`` and at most ``oldest_s`` seconds before the dump.
    """

    per_minute: float
    youngest_s: int
    oldest_s: int
    entries: int

    @classmethod
    def of(cls, per_minute: float, youngest_s: int, oldest_s: int, idle_s: npt.NDArray[np.int64]) -> Paced:
        return cls(per_minute, youngest_s, oldest_s, _within(idle_s, youngest_s, oldest_s))

    def part(self, idle_s: npt.NDArray[np.int64]) -> float | None:
        """What some of the case's entries contribute; ``idle_s`` of those whose clock is known.

        A group that began meanwhile has a pace of the time since then. None where too few or none came.
        """
        inside = _within(idle_s, self.youngest_s, self.oldest_s)
        if idle_s.size < FEWEST or not inside or not self.entries:
            return None
        whole_s = self.oldest_s - self.youngest_s
        since_s = min(int(idle_s.max()) - self.youngest_s, whole_s)
        begun = whole_s / since_s if inside >= FEWEST and since_s >= _SHORTEST_S else 1.0
        return round(self.per_minute * begun * inside / self.entries, 2)


def mean(idle_s: npt.NDArray[np.int64], entries: int) -> float | None:
    """Entries a minute from the oldest to the youngest, where nothing tells a pace of all of them.

    None where too few or too short, and where one half of that time holds far more than the other: a
    mean of what came at once and what came since is the pace of neither. ``entries``: with those whose
    clock is not known.
    """
    if not idle_s.size:
        return None
    youngest_s, oldest_s = int(idle_s.min()), int(idle_s.max())
    late = int(np.count_nonzero(2 * idle_s < youngest_s + oldest_s))
    less, more = sorted((late, idle_s.size - late))
    if more > 2 * less and more - less > _SIGNIFICANT * math.sqrt(idle_s.size):
        return None
    return rate_per_minute(entries, oldest_s, youngest_s)


def _within(idle_s: npt.NDArray[np.int64], youngest_s: int, oldest_s: int) -> int:
    return int(np.count_nonzero((idle_s > youngest_s) & (idle_s <= oldest_s)))

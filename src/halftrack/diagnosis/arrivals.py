"""How entries arrive: at a steady rate, or many at once in steps; each at three paces."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from halftrack.diagnosis.shape import BLIND_S

Pace: TypeAlias = Literal["slow", "likely", "fast"]
Seconds: TypeAlias = npt.NDArray[np.float64]

_CONVERSE: Final[dict[Pace, Pace]] = {"slow": "fast", "likely": "likely", "fast": "slow"}
_PAIR: Final = 0.25
"""Two steps have one interval: it is taken to vary by this share."""


@dataclass(frozen=True, slots=True)
class Rate:
    """A steady arrival, entries a second; ``slow`` and ``fast`` bound it by two standard errors."""

    slow: float
    likely: float
    fast: float
    lately_s: int | None = None
    """For how long it has been so, where that is a small part of the time; ``slow`` is the pace before."""
    buckets: tuple[int, int] | None = None
    """Those of the timeline that ``likely`` is counted from: the first, and the one after the last."""
    measured_s: int | None = None
    """Between two moments that were compared, where it was not inferred from one."""

    def arrived(self, at_s: Seconds, pace: Pace, lifetime_s: int) -> Seconds:
        """Entries present ``at_s`` seconds from now of those that arrive from now on."""
        rate: float = getattr(self, pace)
        here: Seconds = rate * np.minimum(at_s, lifetime_s)
        return here


@dataclass(frozen=True, slots=True)
class Steps:
    """Arrivals of many at once: sizes in entries, intervals in seconds, the time since the last step.

    ``fast`` is the shortest interval with the largest step, ``slow`` the longest with the smallest.
    """

    sizes: tuple[int, ...]
    intervals_s: tuple[int, ...]
    since_s: int
    unseen_s: int = 0
    """Time before the dump in which a step may have come that is not among the sizes."""

    def interval_s(self, pace: Pace) -> float:
        if len(self.intervals_s) == 1:
            spread = {"slow": 1 + _PAIR, "likely": 1.0, "fast": 1 - _PAIR}[pace]
            return self.intervals_s[0] * spread
        return _pick(self.intervals_s, _CONVERSE[pace])

    def size(self, pace: Pace) -> float:
        return _pick(self.sizes, pace)

    def next_s(self, pace: Pace) -> float:
        """Seconds until the next step; 0 where it is due.

        The slow pace takes one that is due, and would not be seen yet, for one that came.
        """
        ahead = self.interval_s(pace) - self.since_s
        if pace == "slow" and -self.unseen_s <= ahead <= 0 < self.unseen_s:
            ahead += self.interval_s(pace)
        return max(ahead, 0.0)

    @property
    def over(self) -> bool:
        """The next step should have been long ago: the pattern has ended."""
        late = self.since_s - self.interval_s("slow")
        return late > max(0.5 * self.interval_s("likely"), BLIND_S)

    def arrived(self, at_s: Seconds, pace: Pace, lifetime_s: int) -> Seconds:
        """As ``Rate.arrived``."""
        interval, first = self.interval_s(pace), self.next_s(pace)

        def steps_until(moment: Seconds) -> Seconds:
            return np.asarray(np.maximum(np.floor((moment - first) / interval) + 1, 0), np.float64)

        return np.asarray(self.size(pace) * (steps_until(at_s) - steps_until(at_s - lifetime_s)), np.float64)


def _pick(values: tuple[int, ...], pace: Pace) -> float:
    if pace == "likely":
        return float(np.median(values))
    return float(min(values) if pace == "slow" else max(values))

"""Seconds of many entries, sorted once, so that how many are below a moment is a look-up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.diagnosis.arrivals import Pace, Seconds

_SIGMAS: Final = 2.0
_TAIL: Final = 0.25
"""Of a timeout: from those that were silent for nearly so long follows how many a longer one would keep."""


@dataclass(frozen=True, slots=True)
class Clock:
    """``seconds``: sorted, whole; each means the second that ends there, evenly spread."""

    seconds: npt.NDArray[np.int32]

    @classmethod
    def of(cls, seconds: npt.NDArray[np.integer]) -> Clock:
        return cls(np.sort(np.clip(seconds, 0, np.iinfo(np.int32).max).astype(np.int32)))

    @property
    def size(self) -> int:
        return self.seconds.size

    def upto(self, at_s: Seconds) -> Seconds:
        """How many are at most so large."""
        whole = np.floor(np.clip(at_s, -1.0, np.iinfo(np.int32).max - 1))
        below = np.searchsorted(self.seconds, whole.astype(np.int32), side="right")
        above = np.searchsorted(self.seconds, (whole + 1).astype(np.int32), side="right")
        return np.asarray(below + np.clip(at_s - whole, 0, 1) * (above - below), np.float64)


@dataclass(frozen=True, slots=True)
class Turnover:
    """Entries of a kind that come and go as they did: at any moment as many are silent for so long as now.

    ``idle``: how long each is silent. ``given_s``: what a packet gives them, so none is silent longer.
    """

    idle: Clock
    given_s: int

    def older(self, at_s: Seconds) -> Seconds:
        """Of the silences that last now, those that will go on ``at_s`` seconds from now."""
        return self.idle.size - self.idle.upto(at_s)

    def arrived(self, at_s: Seconds, pace: Pace, lifetime_s: float) -> Seconds:
        """As ``Rate.arrived``: silences that begin from now on, each of which lasts so long at most."""
        begun = np.minimum(at_s, lifetime_s)
        here = self.idle.upto(np.minimum(begun, self.given_s))
        longer = self._longer(np.maximum(begun - self.given_s, 0), pace)
        if pace == "slow":
            here = np.maximum(here - _SIGMAS * np.sqrt(here), 0)
        elif pace == "fast":
            here = here + _SIGMAS * np.sqrt(here)
        return np.asarray(here + longer, np.float64)

    def _longer(self, over_s: Seconds, pace: Pace) -> Seconds:
        """Silences longer than are kept today: as many as run out, unless they are heard again.

        At least none; at most all; most likely ever fewer, at the pace at which the longest that are kept
        become fewer. Those that fall silent for good do not.
        """
        tail_s = max(_TAIL * self.given_s, 1.0)
        edges = self.idle.upto(self.given_s - tail_s * np.array([2.0, 1.0, 0.0]))
        before, last = np.diff(edges)
        if pace == "slow":
            return np.zeros_like(over_s)
        if pace == "fast":
            return np.asarray((last + _SIGMAS * np.sqrt(max(last, 1.0))) / tail_s * over_s, np.float64)
        if before - last <= _SIGMAS * np.sqrt(before + last) or not last:
            return np.asarray(last / tail_s * over_s, np.float64)
        fewer = np.log(before / last) / tail_s
        ending = last * fewer / np.expm1(fewer * tail_s)
        return np.asarray(ending * -np.expm1(-fewer * over_s) / fewer, np.float64)

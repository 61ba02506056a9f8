"""When an examination began, and how long it may take."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Start:
    """``begun_s`` and ``deadline`` are monotonic; no deadline: take the time that it takes."""

    taken_at: datetime
    begun_s: float
    deadline: float | None

    @classmethod
    def now(cls, budget_s: float | None) -> Start:
        begun = time.monotonic()
        return cls(datetime.now(UTC), begun, None if budget_s is None else begun + budget_s)

    @property
    def seconds(self) -> float:
        """Time since then."""
        return time.monotonic() - self.begun_s

    @property
    def left(self) -> float:
        """Seconds until the deadline, negative once it is over."""
        return float("inf") if self.deadline is None else self.deadline - time.monotonic()

    def at_most(self, seconds: float) -> float:
        """So many seconds, or those until the deadline where these are fewer; 0 once it is over."""
        return max(min(seconds, self.left), 0.0)

"""How long a thing lasts before it counts, and from where it is much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from halftrack.diagnosis import standing

FULL: Final = standing.FULL
CROWDED: Final = standing.CROWDED
"""Shares of the limit, as the doctor judges them."""
LEAK: Final = 0.05
"""Of the limit, in one owner's stuck entries for one service: where the doctor warns of any symptom."""
IDLE_LEAK: Final = 0.25
"""The same where entries are merely silent: pools of living connections are, too."""
SOON_S: Final = 6 * 3_600
"""Full within this time is worth waking for: later than that, the morning will do."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Spans of time in PromQL's spelling, made of minutes that are ``minute_s`` seconds long.

    A minute is a minute but in a test, which has not the time to wait for half an hour.
    """

    minute_s: int = 60

    def seconds(self, minutes: int) -> int:
        return minutes * self.minute_s

    def span(self, minutes: int) -> str:
        """``15m``, or ``30s`` where a minute is two seconds."""
        whole, rest = divmod(self.seconds(minutes), 60)
        return f"{self.seconds(minutes)}s" if rest else f"{whole}m"

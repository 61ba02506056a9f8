"""The two clocks of a change: one for people, one that nobody sets and that goes on while the node sleeps."""

from __future__ import annotations

import time
from datetime import UTC, datetime


def now() -> datetime:
    """The wall clock, for people."""
    return datetime.now(UTC)


def boottime_s() -> float:
    """Seconds since boot, those asleep included: what moments are compared by."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)

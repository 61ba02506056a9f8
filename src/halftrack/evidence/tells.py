"""What each part of the evidence tells, by symptom and cause: a gap names it where that part is missing."""

from __future__ import annotations

from typing import Final

OF_ENTRIES: Final = (
    "one-sided",
    "idle-established",
    "orphaned",
    "half-open",
    "half-closed",
    "unreplied-udp",
    "stale-nat",
)
"""Symptoms that only the entries show."""
OF_SOCKETS: Final = ("orphaned",)
OF_COUNTERS: Final = ("table-pressure",)
OF_TCP: Final = ("slow-path",)
OF_SHAPING: Final = ("shaping",)
OF_RULES: Final = ("hooks-off",)
OF_ROUTES: Final = ("asymmetric-path",)
OF_EVENTS: Final = ("slow-path", "shaping", "table-flush")

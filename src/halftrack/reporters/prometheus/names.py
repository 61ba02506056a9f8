"""The metrics by name: a contract. Once released, one is neither renamed nor given another meaning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """``labels``: those that every series of it has, in this order."""

    name: str
    kind: Literal["gauge", "counter"]
    labels: tuple[str, ...]
    help: str


PREFIX: Final = "halftrack"

UP: Final = Metric(
    f"{PREFIX}_up",
    "gauge",
    (),
    "1 if the last scan could look at this node, 0 if not: halftrack_gap says why.",
)
SCAN_COMPLETE: Final = Metric(
    f"{PREFIX}_scan_complete", "gauge", (), "1 if nothing that could hide a leak was left unread."
)
SCAN_AGE: Final = Metric(
    f"{PREFIX}_scan_age_seconds",
    "gauge",
    (),
    "Time since the scan that these numbers are of, when they were handed out."
    " In a textfile: when it was written.",
)
SCAN_DURATION: Final = Metric(f"{PREFIX}_scan_duration_seconds", "gauge", (), "How long that scan took.")
ENTRIES: Final = Metric(
    f"{PREFIX}_entries",
    "gauge",
    ("netns", "protocol", "kind"),
    "Entries by namespace, protocol and kind: answered, one_sided (TCP, established, never answered),"
    " half_open, closing, other. protocol unread: counted, not looked at."
    " netns other: namespaces that have no series of their own.",
)
ENTRIES_LIMIT: Final = Metric(
    f"{PREFIX}_entries_limit",
    "gauge",
    ("netns",),
    "Entries that the table takes; of several namespaces of one workload the sum."
    " Absent: unlimited, or not known.",
)
RECLAIMABLE: Final = Metric(
    f"{PREFIX}_reclaimable_entries",
    "gauge",
    ("netns",),
    "Entries that the kernel may give up by itself once the table is full.",
)
STUCK: Final = Metric(
    f"{PREFIX}_stuck_entries",
    "gauge",
    ("symptom", "owner", "service"),
    "Entries of the doctor's findings, by workload and service. At most ten owners; the rest is other.",
)
FULL_IN: Final = Metric(
    f"{PREFIX}_full_in_seconds",
    "gauge",
    ("netns",),
    "Time until the table is full at today's pace; 0: it is full. Of several namespaces the first of them."
    " Absent: not in sight, or it cannot be told.",
)
FULLEST: Final = Metric(
    f"{PREFIX}_fullest_ratio",
    "gauge",
    ("netns",),
    "Entries of the fullest table as a share of its limit, where a series stands for several namespaces.",
)
_ADDED: Final = "Of several namespaces together: what they counted from one scan to the next, added up."
DROPPED: Final = Metric(
    f"{PREFIX}_dropped_total",
    "counter",
    ("netns",),
    f"Connections refused for want of room. {_ADDED}",
)
DROPPED_EARLY: Final = Metric(
    f"{PREFIX}_dropped_early_total",
    "counter",
    ("netns",),
    f"Entries thrown out early to make room. {_ADDED}",
)
INSERT_FAILED: Final = Metric(
    f"{PREFIX}_insert_failed_total",
    "counter",
    ("netns",),
    f"Entries that lost a race to be entered. {_ADDED}",
)
SETTING: Final = Metric(
    f"{PREFIX}_setting", "gauge", ("name",), "Settings of the node that decide how long entries stay."
)
GAP: Final = Metric(
    f"{PREFIX}_gap", "gauge", ("what",), "What the last scan could not see, and how many of that kind."
)
BUILD_INFO: Final = Metric(f"{PREFIX}_build_info", "gauge", ("version",), "1; which Halftrack this is.")

METRICS: Final = (
    UP,
    SCAN_COMPLETE,
    SCAN_AGE,
    SCAN_DURATION,
    ENTRIES,
    ENTRIES_LIMIT,
    RECLAIMABLE,
    STUCK,
    FULL_IN,
    FULLEST,
    DROPPED,
    DROPPED_EARLY,
    INSERT_FAILED,
    SETTING,
    GAP,
    BUILD_INFO,
)

OTHER: Final = "other"
"""Label of what has no series of its own."""
UNREAD: Final = "unread"
"""``protocol`` of entries that were only counted."""
MOST_SERIES: Final = 120
"""Of one node, whatever runs there."""

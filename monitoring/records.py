"""Recording rules: each a number that an alert compares, and a person wants to see behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monitoring.pace import Pace

FILLED: Final = "netns:halftrack_entries:ratio"
DROPPED: Final = "netns:halftrack_dropped:rate"
DROPPED_EARLY: Final = "netns:halftrack_dropped_early:rate"
STUCK: Final = "service:halftrack_stuck_entries:ratio"
SCANNED: Final = "instance:halftrack_scanned:timestamp_seconds"
SEEN: Final = "instance:halftrack_seen:timestamp_seconds"

_REMEMBERED: Final = 60
"""Minutes of rest that Prometheus itself may take without forgetting who was last seen when."""
_FORGOTTEN: Final = 7 * 24 * 60
"""Minutes after which a node that has no metrics of ours any more is taken to be meant so."""
_FILE: Final = 'node_textfile_mtime_seconds{file=~"(.*/)?halftrack[^/]*[.]prom"}'
"""Of node_exporter: when the file that it read was written. What is in the file cannot tell its age."""


@dataclass(frozen=True, slots=True)
class Record:
    """A number by its name. ``why``: what it is, in one sentence."""

    name: str
    expr: str
    why: str


def records(pace: Pace) -> tuple[Record, ...]:
    """In the order in which they rest on each other."""
    rate = pace.span(5)
    return (
        Record(
            FILLED,
            "halftrack_fullest_ratio\n"
            "or on (job, instance, netns)\n"
            "(\n  sum without (protocol, kind) (halftrack_entries)\n"
            "  / on (job, instance, netns) group_left ()\n"
            "  max by (job, instance, netns) (halftrack_entries_limit > 0)\n)",
            "Share of its limit that a namespace's table takes, of several together that of the fullest; of a"
            " table without a limit there is none.",
        ),
        Record(
            DROPPED,
            f"rate(halftrack_dropped_total[{rate}])",
            "Packets of new connections a second that found no room.",
        ),
        Record(
            DROPPED_EARLY,
            f"rate(halftrack_dropped_early_total[{rate}])",
            "Entries without an answer a second that were thrown out to make room.",
        ),
        Record(
            STUCK,
            "halftrack_stuck_entries\n"
            "/ on (job, instance) group_left ()\n"
            "min by (job, instance) (halftrack_entries_limit > 0)",
            "Share of one table's limit that an owner's stuck entries for one service take. What is told as"
            " the limit of a workload is that of all its tables: the least is of one.",
        ),
        Record(
            SCANNED,
            _scanned(),
            "When a node was scanned, if that scan saw all of it.",
        ),
        Record(
            SEEN,
            _seen(pace),
            "When all of a node was last seen, also of nodes that are silent since.",
        ),
    )


def _scanned() -> str:
    """By the file's age where it came in a file, else by the scan's."""
    complete = "halftrack_scan_complete == 1"
    age = "max by (job, instance) (halftrack_scan_age_seconds)"
    return (
        f"max without (file) (\n  {_FILE}\n  and on (job, instance) ({complete})\n)\n"
        "or on (job, instance)\n"
        f"(\n  timestamp({complete})\n  - on (job, instance) group_left () {age}\n)"
    )


def _seen(pace: Pace) -> str:
    """By its scan; else as was known, for a week after the last metrics; else from now on, as a new node."""
    known = f"last_over_time({SEEN}[{pace.span(_REMEMBERED)}])"
    return "\nor on (job, instance)\n".join(
        (
            SCANNED,
            f"({known} and on (job, instance) halftrack_up)",
            f"({known} > time() - {pace.seconds(_FORGOTTEN)} and on (job, instance) up)",
            "(halftrack_up * 0 + time())",
        )
    )

"""What the dashboard shows, in rows: the nodes, what is in their tables, and how that was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from monitoring.pace import CROWDED, FULL, SOON_S
from monitoring.queries import count, filled, of, rate, top, total

Kind = Literal["stat", "timeseries", "table"]


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL, and how a legend names each of its series."""

    expr: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """``unit``: as Grafana calls it. ``width``: of the 24 columns. ``steps``: values where a colour begins.

    ``none``: what stands there where there is no series. ``stacked``: the series add up to a whole.
    """

    title: str
    description: str
    kind: Kind
    unit: str
    queries: tuple[Query, ...]
    width: int
    height: int = 8
    steps: tuple[tuple[str, float], ...] = ()
    none: str = ""
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    title: str
    panels: tuple[Panel, ...]


_LINES: Final = 10
"""Of one kind in a graph: thousands of nodes may have been chosen."""
_ROWS: Final = 20
_BAD: Final = (("red", 1),)
_FILLED: Final = (("orange", CROWDED), ("red", FULL))
_STUCK: Final = of("halftrack_stuck_entries")
_LOST: Final = {"dropped": "dropped", "dropped_early": "thrown out", "insert_failed": "not inserted"}
_TABLE: Final = "{{instance}} {{netns}}"

NODES: Final = Row(
    "Nodes",
    (
        Panel(
            "Seen in full",
            "Nodes whose last scan saw every table.",
            "stat",
            "none",
            (Query(count(f"{of('halftrack_scan_complete')} == 1")),),
            width=6,
            height=4,
        ),
        Panel(
            "Not seen in full",
            "Nodes whose last scan failed or left something out: what, is below. Nodes without any metrics"
            " are not counted here, but alerted on.",
            "stat",
            "none",
            (Query(count(f"{of('halftrack_up')} == 0 or {of('halftrack_scan_complete')} == 0")),),
            width=6,
            height=4,
            steps=_BAD,
        ),
        Panel(
            "Dropped",
            "Packets of new connections that found no room, a second, on all nodes together.",
            "stat",
            "pps",
            (Query(f"{total(rate('halftrack_dropped_total'))} or vector(0)"),),
            width=6,
            height=4,
            steps=(("red", 0.001),),
        ),
        Panel(
            "Next table full in",
            "The soonest of all forecasts.",
            "stat",
            "s",
            (Query(f"min({of('halftrack_full_in_seconds')})"),),
            width=6,
            height=4,
            steps=(("red", 0), ("orange", SOON_S), ("green", 4 * SOON_S)),
            none="not in sight",
        ),
        Panel(
            "Fullest tables",
            "Entries as a share of the limit. A table without a limit is not among them.",
            "timeseries",
            "percentunit",
            (Query(top(_LINES, filled()), _TABLE),),
            width=12,
            steps=_FILLED,
        ),
        Panel(
            "Whose entries are stuck",
            "Now: the largest groups of stuck entries. halftrack explain SYMPTOM tells what each one is.",
            "table",
            "none",
            (Query(top(_ROWS, total(_STUCK, "instance", "owner", "service", "symptom"))),),
            width=12,
        ),
    ),
)

TABLES: Final = Row(
    "Tables",
    (
        Panel(
            "Entries and limit",
            "The largest tables: what each holds, and what of it the kernel may give up when it needs room;"
            " and what the smallest may hold.",
            "timeseries",
            "none",
            (
                Query(top(_LINES, total(of("halftrack_entries"), "instance", "netns")), f"{_TABLE} entries"),
                Query(top(_LINES, of("halftrack_reclaimable_entries")), f"{_TABLE} reclaimable"),
                Query(f"min({of('halftrack_entries_limit')})", "least limit"),
            ),
            width=12,
        ),
        Panel(
            "Full in",
            "The tables that are full first. No line: not in sight.",
            "timeseries",
            "s",
            (Query(f"bottomk({_LINES}, {of('halftrack_full_in_seconds')})", _TABLE),),
            width=12,
        ),
        Panel(
            "Entries by kind",
            "Answered ones are in use or idle; one-sided ones were heard in one direction only.",
            "timeseries",
            "none",
            (Query(total(of("halftrack_entries"), "kind"), "{{kind}}"),),
            width=12,
            stacked=True,
        ),
        Panel(
            "Entries by protocol",
            "All tables of the chosen nodes together.",
            "timeseries",
            "none",
            (Query(total(of("halftrack_entries"), "protocol"), "{{protocol}}"),),
            width=12,
            stacked=True,
        ),
        Panel(
            "Stuck entries",
            "By owner, service and symptom. A line that climbs is a leak; in steps, a service that restarts.",
            "timeseries",
            "none",
            (
                Query(
                    top(_LINES, total(_STUCK, "owner", "service", "symptom")),
                    "{{owner}} {{service}} {{symptom}}",
                ),
            ),
            width=12,
        ),
        Panel(
            "Lost",
            "Dropped: no room. Thrown out: unanswered entries that had to make room. Not inserted: races"
            " between packets of one flow, which room does not cure.",
            "timeseries",
            "ops",
            tuple(
                Query(
                    top(_LINES, total(rate(f"halftrack_{what}_total"), "instance", "netns")),
                    f"{_TABLE} {words}",
                )
                for what, words in _LOST.items()
            ),
            width=12,
        ),
    ),
)

SCANS: Final = Row(
    "How it was seen",
    (
        Panel(
            "Age of the scan",
            "How old what is shown is, where it is oldest. Of a file, node_textfile_mtime_seconds tells.",
            "timeseries",
            "s",
            (Query(top(_LINES, of("halftrack_scan_age_seconds")), "{{instance}}"),),
            width=12,
        ),
        Panel(
            "Duration of the scan",
            "How long reading and judging a node's tables took, where it took longest.",
            "timeseries",
            "s",
            (Query(top(_LINES, of("halftrack_scan_duration_seconds")), "{{instance}}"),),
            width=12,
        ),
        Panel(
            "Not seen",
            "What scans left out.",
            "table",
            "none",
            (Query(total(of("halftrack_gap"), "instance", "what")),),
            width=8,
        ),
        Panel(
            "Settings",
            "By value: how many nodes have it. More than one line for a setting: nodes differ.",
            "table",
            "none",
            (Query(f'count_values by (name) ("value", {of("halftrack_setting")})'),),
            width=8,
        ),
        Panel(
            "Versions",
            "How many nodes have which Halftrack.",
            "table",
            "none",
            (Query(f"count by (version) ({of('halftrack_build_info')})"),),
            width=8,
        ),
    ),
)

ROWS: Final = (NODES, TABLES, SCANS)

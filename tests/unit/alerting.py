"""A node as Prometheus sees it for two hours, and what is asked of its alerts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from monitoring import rules

from unit.promtool import Course

if TYPE_CHECKING:
    from pathlib import Path

NODE = 'job="halftrack", instance="node17"'
OTHER = 'job="halftrack", instance="other"'
LIMIT = 262_144
FULL, CROWDED, HALF = LIMIT, int(LIMIT * 0.8), LIMIT // 2
DROPPING, SOON, LEAK, UNSEEN = (
    f"Halftrack{name}" + " node17" for name in ("Dropping", "FullSoon", "Leak", "Unseen")
)


def well(tmp_path: Path) -> Course:
    """Two hours of a node that is well: scanned all the time, half full, nothing lost. And of another one."""
    made = Course(tmp_path)
    made.series = seen(NODE, 120) | seen(OTHER, 120)
    made.series[of("limit")] = f"{LIMIT}x120"
    made.series[of("entries")] = f"{HALF}x120"
    for name in ("dropped", "dropped_early", "insert_failed"):
        made.series[of(name)] = "1204x120"
    return made


def seen(node: str, minutes: int) -> dict[str, str]:
    """What tells that a node was."""
    values = {"up": 1, "halftrack_up": 1, "halftrack_scan_complete": 1, "halftrack_scan_age_seconds": 20}
    return {f"{name}{{{node}}}": f"{value}x{minutes}" for name, value in values.items()}


def of(what: str) -> str:
    """The name of a series of the node's own table."""
    table = f'{NODE}, netns="host"'
    return {
        "entries": f'halftrack_entries{{{table}, protocol="tcp", kind="answered"}}',
        "limit": f"halftrack_entries_limit{{{table}}}",
        "full": f"halftrack_full_in_seconds{{{table}}}",
    }.get(what, f"halftrack_{what}_total{{{table}}}")


def stuck(symptom: str, owner: str = "web-1") -> str:
    return f'halftrack_stuck_entries{{{NODE}, symptom="{symptom}", owner="{owner}", service="tcp/80"}}'


def share(part: float) -> int:
    return int(part * LIMIT) + 1


def annotations(alert: str, summary: str, description: str) -> dict[str, str]:
    return {
        "summary": summary,
        "description": f"{description} What to do: halftrack explain {alert}",
        "runbook_url": f"{rules.RUNBOOKS}/{alert}.md",
    }

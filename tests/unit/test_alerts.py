"""The alerts over time, as Prometheus evaluates them: when each fires, when it ends, and when nothing must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
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


@pytest.fixture
def course(tmp_path: Path) -> Course:
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


def test_a_busy_node_that_is_well_is_left_alone(course: Course) -> None:
    course.series[of("entries")] = f"{HALF}+1000x60 {share(0.72)}-900x60"
    course.series[of("insert_failed")] = "0+30x120"
    course.series[of("dropped")] = "0+5x120"  # for another reason than room: the table is not full
    course.series[stuck("idle-established", "postgres")] = f"{share(0.2)}x120"
    course.series[stuck("one-sided")] = "1200+40x40 2800-40x40 1200+40x40"
    course.series[stuck("half-open", "edge")] = f"{share(0.08)}x120"
    course.series[of("full")] = "_x10 400000x20 _x10 90000-60x80"
    for minute in (5, 30, 60, 90, 120):
        course.firing(minute)
    course.judge()


def test_dropping_fires_within_minutes_and_ends_after_the_last_drop(course: Course) -> None:
    course.series[of("entries")] = f"{HALF}x9 {FULL}x111"
    course.series[of("dropped")] = "7x9 7+42x20 847x100"
    course.firing(9)
    course.firing(14, DROPPING)
    course.firing(30, DROPPING)
    course.firing(37)
    course.judge()


@pytest.mark.parametrize(("entries", "expected"), [(share(0.96), [DROPPING]), (CROWDED, []), (HALF, [])])
def test_thrown_out_early_counts_in_a_full_table_only(
    course: Course, entries: int, expected: list[str]
) -> None:
    course.series[of("entries")] = f"{entries}x120"
    course.series[of("dropped_early")] = "0+60x120"
    course.firing(60, *expected)
    course.judge()


def test_a_table_that_was_full_between_two_scans_was_full(course: Course) -> None:
    course.series[of("entries")] = f"{CROWDED} {HALF} {HALF} {CROWDED} {HALF} {HALF} {CROWDED} {HALF}x113"
    course.series[of("dropped")] = "0+60x6 360x114"
    course.firing(6, DROPPING)
    course.firing(20)
    course.judge()


@pytest.mark.parametrize("netns", ["shop/web", "other"])
def test_one_of_many_tables_that_drops_is_told_of(course: Course, netns: str) -> None:
    """The sum of their entries says that there is room: one of them has none."""
    many = f'{NODE}, netns="{netns}"'
    course.series[f'halftrack_entries{{{many}, protocol="tcp", kind="answered"}}'] = f"{HALF}x120"
    if netns != "other":
        course.series[f"halftrack_entries_limit{{{many}}}"] = f"{40 * LIMIT}x120"
    course.series[f"halftrack_fullest_ratio{{{many}}}"] = "0.4x9 1x31 0.4x80"
    course.series[f"halftrack_dropped_total{{{many}}}"] = "7x9 7+42x20 847x100"
    course.firing(9)
    course.firing(14, DROPPING)
    course.firing(37)
    course.judge()


def test_where_it_drops_is_said_of_many_tables_too(course: Course) -> None:
    course.series[f'halftrack_fullest_ratio{{{NODE}, netns="other"}}'] = "1x120"
    course.series[f'halftrack_dropped_total{{{NODE}, netns="other"}}'] = "0+90x120"
    course.says(
        60,
        "HalftrackDropping",
        {"severity": "critical", "job": "halftrack", "instance": "node17", "netns": "other"},
        annotations(
            "HalftrackDropping",
            "The connection table is full and new connections fail.",
            "node17, one of several other namespaces: 1.5 a second are dropped, or thrown out before they"
            " were answered. Connections that are open go on. No finding on this node says whose it is.",
        ),
    )
    course.judge()


def test_drops_of_many_tables_with_room_are_for_another_reason(course: Course) -> None:
    course.series[f'halftrack_fullest_ratio{{{NODE}, netns="other"}}'] = "0.6x120"
    course.series[f'halftrack_dropped_total{{{NODE}, netns="other"}}'] = "0+90x120"
    course.firing(60)
    course.judge()


@pytest.mark.parametrize(
    "counter",
    [
        pytest.param("100000x30 0x90", id="the node has booted"),
        pytest.param("7x30 stale _x20 7x70", id="not scraped for a while"),
        pytest.param("_x30 90000x90", id="first seen with what it had counted before"),
    ],
)
def test_a_counter_that_begins_anew_is_no_drop(course: Course, counter: str) -> None:
    course.series[of("entries")] = f"{FULL}x120"
    course.series[of("dropped")] = course.series[of("dropped_early")] = counter
    for minute in (29, 33, 36, 50, 53, 56, 120):
        course.firing(minute)
    course.judge()


def test_a_table_without_a_limit_cannot_be_full(course: Course) -> None:
    course.series[of("limit")] = "0x120"
    course.series[of("dropped")] = "0+60x120"
    course.series[stuck("orphaned")] = "200000x120"
    course.firing(60)
    course.judge()


def test_full_soon_fires_once_forecasts_hold_and_ends_with_them(course: Course) -> None:
    course.series[of("full")] = "_x9 7200-60x40 _x71"
    course.firing(20)
    course.firing(26, SOON)
    course.firing(50, SOON)
    course.firing(62)
    course.judge()


@pytest.mark.parametrize(
    "forecasts",
    [
        pytest.param("_x120", id="not in sight"),
        pytest.param("_x30 3600 _x90", id="one forecast of many"),
        pytest.param("30000x120", id="not within hours"),
        pytest.param("3600 30000 " * 60, id="forecasts that do not agree"),
    ],
)
def test_full_soon_needs_more_than_a_moment(course: Course, forecasts: str) -> None:
    course.series[of("full")] = forecasts.strip()
    for minute in (15, 31, 40, 46, 47, 90):
        course.firing(minute)
    course.judge()


def test_forecasts_that_are_missing_now_and_then_still_hold(course: Course) -> None:
    course.series[of("full")] = "3600 stale _ 3500 stale _ 3400 stale _ " * 10
    course.firing(60, SOON)
    course.judge()


@pytest.mark.parametrize("symptom", ["one-sided", "orphaned", "half-closed", "stale-nat"])
def test_a_leak_fires_after_twenty_minutes_and_ends_when_it_is_cleared(course: Course, symptom: str) -> None:
    course.series[stuck(symptom)] = f"{share(0.06)}x40 12x80"
    course.firing(15)
    course.firing(25, LEAK)
    course.firing(40, LEAK)
    course.firing(42)
    course.judge()


@pytest.mark.parametrize(
    ("symptom", "part"),
    [
        ("orphaned", 0.04),
        ("idle-established", 0.2),
        ("half-open", 0.5),
        ("unreplied-udp", 0.5),
    ],
)
def test_what_is_little_or_goes_by_itself_is_no_leak(course: Course, symptom: str, part: float) -> None:
    course.series[stuck(symptom)] = f"{share(part)}x120"
    course.firing(60)
    course.judge()


def test_silent_entries_are_a_leak_where_they_are_a_quarter(course: Course) -> None:
    course.series[stuck("idle-established")] = f"{share(0.26)}x120"
    course.firing(60, LEAK)
    course.judge()


def test_a_leak_is_measured_by_the_limit_of_one_table(course: Course) -> None:
    """The limit of a workload is what its namespaces may hold together."""
    course.series[f'halftrack_entries_limit{{{NODE}, netns="shop/cart"}}'] = f"{40 * LIMIT}x120"
    course.series[stuck("orphaned")] = f"{share(0.06)}x120"
    course.firing(60, LEAK)
    course.judge()


def test_a_burst_is_no_leak(course: Course) -> None:
    course.series[stuck("one-sided")] = f"10x20 {share(0.3)}x15 10x85"
    for minute in range(20, 60):
        course.firing(minute)
    course.judge()


def test_owners_that_come_and_go_do_not_add_up_to_a_leak(course: Course) -> None:
    for number in range(0, 120, 5):
        course.series[stuck("orphaned", f"job-{number}")] = f"_x{number} {share(0.06)}x4 stale"
    for minute in range(30, 120, 10):
        course.firing(minute)
    course.judge()


def test_a_gap_between_scrapes_ends_no_leak(course: Course) -> None:
    for name, values in list(course.series.items()):
        course.series[name] = f"{values.partition('x')[0]}x60 stale _x7 {values.partition('x')[0]}x60"
    course.series[stuck("orphaned")] = f"{share(0.06)}x60 stale _x7 {share(0.06)}x60"
    for minute in (60, 64, 67, 70, 75):
        course.firing(minute, LEAK)
    course.judge()


SILENT = {
    "down": {"up": "1x30 0x90", "halftrack_": "1x30 stale"},
    "its metrics are gone": {"halftrack_": "1x30 stale"},
    "the scan fails": {"halftrack_up": "1x30 0x90", "halftrack_scan_complete": "1x30 0x90"},
    "seen in part": {"halftrack_scan_complete": "1x30 0x90"},
    "the scan hangs": {"halftrack_scan_age": "20x30 60+60x90"},
}


@pytest.mark.parametrize("changed", SILENT.values(), ids=SILENT)
def test_a_node_that_is_not_seen_is_told_of_after_half_an_hour(
    course: Course, changed: dict[str, str]
) -> None:
    alter(course, changed)
    course.firing(55)
    course.firing(63, UNSEEN)
    course.firing(119, UNSEEN)
    course.judge()


def test_what_is_said_of_a_node_that_is_not_seen(course: Course) -> None:
    alter(course, SILENT["seen in part"])
    course.says(
        64,
        "HalftrackUnseen",
        {"severity": "warning", "job": "halftrack", "instance": "node17"},
        annotations(
            "HalftrackUnseen",
            "A node's connection tables cannot be seen in full.",
            "node17: last seen in full 34m 20s ago, or not since it is known. A leak there shows in no other"
            " alert of ours.",
        ),
    )
    course.judge()


def alter(course: Course, changed: dict[str, str]) -> None:
    """Other values for the series whose names begin so."""
    for name in list(course.series):
        for begins, values in changed.items():
            if name.startswith(begins) and NODE in name:
                course.series[name] = values


def test_after_a_week_a_node_without_metrics_is_forgotten_and_one_that_shows_a_part_is_not(
    course: Course,
) -> None:
    day, course.every = 24 * 60, 4
    values = 8 * day // course.every
    course.series = seen(NODE, values) | seen(OTHER, values)
    alter(course, {"halftrack_": "1x10 stale"})
    course.series[f"halftrack_scan_complete{{{OTHER}}}"] = f"0x{values}"
    course.firing(24)
    course.firing(6 * day, UNSEEN, "HalftrackUnseen other")
    course.firing(7 * day + 16, UNSEEN, "HalftrackUnseen other")
    course.firing(7 * day + 60, "HalftrackUnseen other")
    course.judge()


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"halftrack_scan_complete": "1 0 " * 60}, id="in part now and then"),
        pytest.param({"halftrack_": "1x30 stale _x10 1x80"}, id="not scraped for ten minutes"),
        pytest.param({"halftrack_": "1x30 stale", "up": "1x30 stale"}, id="no target any more"),
    ],
)
def test_a_node_that_is_seen_often_enough_or_is_gone_is_not_told_of(
    course: Course, changed: dict[str, str]
) -> None:
    alter(course, changed)
    for minute in (35, 65, 90, 119):
        course.firing(minute)
    course.judge()


def test_a_node_is_seen_again_with_the_first_complete_scan(course: Course) -> None:
    alter(course, {"halftrack_scan_complete": "1x30 0x60 1x30"})
    course.firing(80, UNSEEN)
    course.firing(92)
    course.judge()


def test_a_node_that_never_had_halftrack_is_not_ours(course: Course) -> None:
    course.series['up{job="node", instance="elsewhere"}'] = "1x120"
    course.firing(100)
    course.judge()


@pytest.mark.parametrize(("mtimes", "expected"), [("0+60x120", []), ("0x120", [UNSEEN])])
@pytest.mark.parametrize("file", ["halftrack.prom", "/var/lib/prometheus/node-exporter/halftrack.prom"])
def test_the_age_of_a_file_is_that_of_what_it_says(
    course: Course, file: str, mtimes: str, expected: list[str]
) -> None:
    """The file tells for ever how it was when it was written."""
    course.series[f'node_textfile_mtime_seconds{{{NODE}, file="{file}"}}'] = mtimes
    course.series[f'node_textfile_mtime_seconds{{{NODE}, file="/var/lib/other.prom"}}'] = "0+60x120"
    course.firing(60, *expected)
    course.judge()


def test_no_node_at_all_is_the_worst(course: Course) -> None:
    course.series = {'up{job="node", instance="elsewhere"}': "1x120"}
    course.firing(29)
    course.says(
        31,
        "HalftrackUnseen",
        {"severity": "critical"},
        annotations(
            "HalftrackUnseen",
            "No node's connection tables can be seen.",
            "Prometheus has no metrics of Halftrack from any node, so none of its other alerts can fire.",
        ),
    )
    course.judge()


def annotations(alert: str, summary: str, description: str) -> dict[str, str]:
    return {
        "summary": summary,
        "description": f"{description} What to do: halftrack explain {alert}",
        "runbook_url": f"{rules.RUNBOOKS}/{alert}.md",
    }


def test_where_nothing_is_found_the_alert_says_so(course: Course) -> None:
    course.series[of("full")] = "3600x120"
    course.series['halftrack_stuck_entries{job="halftrack", instance="other", symptom="orphaned"}'] = "9x120"
    course.says(
        60,
        "HalftrackFullSoon",
        {"severity": "critical", "job": "halftrack", "instance": "node17", "netns": "host"},
        annotations(
            "HalftrackFullSoon",
            "A connection table is full, or will be within hours.",
            "node17, namespace host: full in 1h 0m 0s at the pace of the last hours. New connections fail"
            " from then on. No finding on this node says whose it is.",
        ),
    )
    course.judge()


def test_what_the_alerts_say(course: Course) -> None:
    course.series[of("entries")] = f"{FULL}x120"
    course.series[of("dropped")] = "0+90x120"
    course.series[of("full")] = "3600x120"
    course.series[stuck("orphaned")] = f"{LIMIT // 4}x120"
    course.series[stuck("one-sided", "unknown")] = f"{LIMIT // 8}x120"
    table = {"job": "halftrack", "instance": "node17", "netns": "host"}
    course.says(
        60,
        "HalftrackDropping",
        {"severity": "critical"} | table,
        annotations(
            "HalftrackDropping",
            "The connection table is full and new connections fail.",
            "node17, namespace host: 1.5 a second are dropped, or thrown out before they were answered."
            " Connections that are open go on. Largest finding on this node: 65536 entries orphaned, owner"
            " web-1, service tcp/80.",
        ),
    )
    course.says(
        60,
        "HalftrackFullSoon",
        {"severity": "critical"} | table,
        annotations(
            "HalftrackFullSoon",
            "A connection table is full, or will be within hours.",
            "node17, namespace host: full in 1h 0m 0s at the pace of the last hours. New connections fail"
            " from then on. Largest finding on this node: 65536 entries orphaned, owner web-1, service tcp/80.",
        ),
    )
    leak = {"severity": "warning", "job": "halftrack", "instance": "node17", "service": "tcp/80"}
    course.says(
        60,
        "HalftrackLeak",
        leak | {"owner": "web-1", "symptom": "orphaned"},
        annotations(
            "HalftrackLeak",
            "One service leaks entries of the connection table.",
            "node17: 25% of the table's limit is orphaned and stays. Owner web-1, service tcp/80.",
        ),
    )
    course.alerts[-1]["exp_alerts"].append(
        {
            "exp_labels": leak | {"owner": "unknown", "symptom": "one-sided"},
            "exp_annotations": annotations(
                "HalftrackLeak",
                "One service leaks entries of the connection table.",
                "node17: 12.5% of the table's limit is one-sided and stays. Owner unknown, service tcp/80.",
            ),
        }
    )
    course.judge()

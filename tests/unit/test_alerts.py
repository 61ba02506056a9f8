"""The alerts over time, as Prometheus evaluates them: a node that is well, and what all of them say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unit.alerting import (
    FULL,
    HALF,
    LIMIT,
    annotations,
    of,
    share,
    stuck,
)

if TYPE_CHECKING:
    from unit.promtool import Course


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

"""The alert of a node that is not seen: when it fires, when it ends, and which nodes are not ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.alerting import (
    NODE,
    OTHER,
    UNSEEN,
    annotations,
    seen,
)

if TYPE_CHECKING:
    from unit.promtool import Course


SILENT = {
    "down": {"up": "1x30 0x90", "halftrack_": "1x30 stale"},
    "its metrics are gone": {"halftrack_": "1x30 stale"},
    "the scan fails": {"halftrack_up": "1x30 0x90", "halftrack_scan_complete": "1x30 0x90"},
    "seen in part": {"halftrack_scan_complete": "1x30 0x90"},
    "the scan hangs": {"halftrack_scan_age": "20x30 60+60x90"},
}


def alter(course: Course, changed: dict[str, str]) -> None:
    """Other values for the series whose names begin so."""
    for name in list(course.series):
        for begins, values in changed.items():
            if name.startswith(begins) and NODE in name:
                course.series[name] = values


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

"""The alerts of a table that is full, or will be: when each fires, when it ends, and when neither must."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.alerting import (
    CROWDED,
    DROPPING,
    FULL,
    HALF,
    LIMIT,
    NODE,
    SOON,
    annotations,
    of,
    share,
    stuck,
)

if TYPE_CHECKING:
    from unit.promtool import Course


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

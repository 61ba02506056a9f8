"""The alert of a leak: when it fires, when it ends, and what is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from unit.alerting import (
    LEAK,
    LIMIT,
    NODE,
    share,
    stuck,
)

if TYPE_CHECKING:
    from unit.promtool import Course


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

"""A table's course: what goes, what comes, and what other settings change of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from halftrack.diagnosis import examine, makeup
from halftrack.diagnosis.arrivals import Rate
from halftrack.diagnosis.conditions import Service
from halftrack.diagnosis.parts import Part
from halftrack.diagnosis.silences import Clock
from halftrack.evidence.sysctls import LIMIT, LOOSE
from halftrack.tcp import keeping, timeouts
from unit.flowrows import evidence, row, table
from unit.planned import OLD_KERNEL, SETTINGS, WEB, leak, plan, silent, step

if TYPE_CHECKING:
    from halftrack.diagnosis.course import Course

ENTRIES = 5_000
DAY = 86_400


def of_a_leak(*, limit: int | None = 262_144) -> Course:
    """Entries that came evenly over five days, each of which stays five days; 100 connections in use."""
    seen = evidence(
        table(*leak(ENTRIES, over_s=5 * DAY), *silent(100, idle_s=60), settings=SETTINGS, limit=limit),
        kernel=OLD_KERNEL,
    )
    cases = examine(seen).cases
    made = makeup.of(cases[0].view, cases)
    assert made.doubt is None
    return made.course


def under(course: Course, **settings: int) -> Course:
    assert course.conditions is not None
    return course.under(course.conditions.under(settings))


def entries(course: Course, *at_s: float) -> list[float]:
    return [float(each) for each in course.at(np.array(at_s, np.float64))]


def test_left_alone_a_leak_that_has_filled_its_time_stays_as_it_is() -> None:
    for each in entries(of_a_leak(), 0, DAY, 5 * DAY, 9 * DAY):
        assert each == pytest.approx(ENTRIES + 100, rel=0.02)


def test_under_a_shorter_life_the_old_ones_go_in_their_time_and_new_ones_stay_few() -> None:
    shortened = under(of_a_leak(), **{timeouts.ESTABLISHED: DAY // 2})
    half, whole = entries(shortened, 2.5 * DAY, 6 * DAY)
    assert half == pytest.approx(100 + ENTRIES / 2 + ENTRIES / 10, rel=0.02)
    assert whole == pytest.approx(100 + ENTRIES / 10, rel=0.02)
    assert shortened.settles_at() == pytest.approx(100 + ENTRIES / 10, rel=0.02)


def test_a_policy_for_the_service_shortens_what_comes_of_it() -> None:
    [settled] = entries(of_a_leak().kept(Service("tcp/80"), DAY // 2), 6 * DAY)
    assert settled == pytest.approx(100 + ENTRIES / 10, rel=0.02)


def test_what_is_cleared_is_gone_within_its_time_and_the_leak_goes_on() -> None:
    cleared = of_a_leak().cleared("one-sided", ENTRIES, 60)
    now, soon, later = entries(cleared, 0, 60, DAY)
    assert now == pytest.approx(ENTRIES + 100)
    assert soon == pytest.approx(100, abs=2)
    assert later == pytest.approx(100 + ENTRIES / 5, rel=0.02)


@pytest.mark.parametrize("service", [Service("tcp/80"), Service("tcp/80", WEB)])
def test_without_tracking_nothing_comes_and_what_is_there_goes_in_its_time(service: Service) -> None:
    now, half, whole = entries(of_a_leak().without(service), 0, 2.5 * DAY, 5 * DAY)
    assert now == pytest.approx(ENTRIES + 100)
    assert half == pytest.approx(ENTRIES / 2 + 100, rel=0.02)
    assert whole == pytest.approx(100, abs=5)


def test_another_service_is_not_touched() -> None:
    before = of_a_leak()
    for other in (Service("tcp/443"), Service("tcp/80", "203.0.113.74"), Service("udp/80")):
        assert entries(before.without(other), 5 * DAY) == entries(before, 5 * DAY)


def test_strict_pick_up_ends_a_leak_of_late_packets() -> None:
    strict = under(of_a_leak(), **{LOOSE: 0})
    half, whole = entries(strict, 2.5 * DAY, 5 * DAY)
    assert half == pytest.approx(ENTRIES / 2 + 100, rel=0.02)
    assert whole == pytest.approx(100, abs=5)


def test_a_table_holds_no_more_than_its_limit() -> None:
    roomy = of_a_leak(limit=None)
    tight = under(roomy, **{LIMIT: 3_000})
    # What is there stays until its time is over: a limit throws nothing out.
    now, later = entries(tight, 0, 4 * DAY)
    assert now == pytest.approx(ENTRIES + 100)
    assert later == 3_000


def test_steps_count_what_those_before_them_did() -> None:
    seen = evidence(
        table(*leak(900, over_s=432_000), *silent(3), settings=SETTINGS, limit=1_000, buckets=256),
        kernel=OLD_KERNEL,
    )
    made = plan(seen)
    cure = [point.entries for point in step(made, "shorten-established").effect.points]
    clear = [point.entries for point in step(made, "drain").effect.points]
    assert cure == sorted(cure, reverse=True)
    assert clear[0] < 20 < cure[0]
    for settled in (cure[-1], clear[-1]):
        assert settled == pytest.approx(3 + 900 * 7_440 / 432_000, abs=4)


def test_where_the_times_are_not_known_nothing_is_foretold() -> None:
    rows = [{**entry, "timeout": None} for entry in leak(900)]
    seen = evidence(table(*rows, settings=SETTINGS, limit=1_000), kernel=OLD_KERNEL)
    effect = step(plan(seen, "shorten-established"), "shorten-established").effect
    assert (effect.points, effect.settles_at) == ((), None)


@pytest.mark.parametrize("seconds", [3_600, 7_440, 20_000, 100_000, 432_000])
def test_those_that_fall_silent_for_good_are_counted_once(seconds: int) -> None:
    """Answered ones, one every 86 s for five days: the youngest are not told from what is in use yet."""
    rows = [
        row(f"198.51.{n >> 8}.{n & 255}", WEB, 50_000, 443, left=432_000 * n // ENTRIES + 1)
        for n in range(ENTRIES)
    ]
    in_use = [row(f"192.0.2.{n % 250}", WEB, 40_000 + n, 443, left=432_000 - n % 200) for n in range(500)]
    seen = evidence(table(*rows, *in_use, settings=SETTINGS, limit=262_144), kernel=OLD_KERNEL)
    cases = examine(seen).cases
    made = makeup.of(cases[0].view, cases)
    assert [case.symptom for case in cases] == ["idle-established"]
    after = under(made.course, **{timeouts.ESTABLISHED: seconds})
    settled = 500 + ENTRIES * seconds / (5 * DAY)
    assert after.settles_at() == pytest.approx(settled, rel=0.03)
    for at_s in (1_800, 7_440, 20_000, DAY, 3 * DAY):
        going = ENTRIES * max(1 - at_s / (5 * DAY), 0)
        staying = ENTRIES * min(at_s, seconds) / (5 * DAY)
        assert entries(after, at_s)[0] == pytest.approx(500 + going + staying, rel=0.03)


def test_of_what_has_no_rule_nothing_comes_where_the_rest_of_its_case_is_told() -> None:
    """Its share of what comes is none, so that nobody knows how long it would live does not matter."""
    ends = Clock.of(np.array([100, 200]))
    part = Part("half-open", keeping.UNTOLD, 2, ends, Rate(1.0, 1.0, 1.0), share=0.0)
    assert part.at(np.array([0.0, 150.0, 250.0]), "likely").tolist() == [2, 1, 0]
    unknown = Part("half-open", keeping.UNTOLD, 2, ends, told=False).at(np.array([0.0, 150.0]), "likely")
    assert unknown[0] == 2
    assert np.isnan(unknown[1])

"""When a table is full, and when that cannot be told."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis.case import Case
from halftrack.diagnosis.document import Forecast
from halftrack.diagnosis.forecast import forecast, grown
from halftrack.diagnosis.rows import MarkedRows
from halftrack.diagnosis.shape import shape
from halftrack.diagnosis.timeline import timeline
from halftrack.evidence.values import Counters, Input
from unit.caserows import FIVE_DAYS, TAKEN_AT, case, one_sided, rows, spread_evenly, view

HOUR, DAY = 3600, 86_400


def foretold(*cases: Case) -> Forecast:
    return forecast(cases[0].view, tuple(grown(cases).values()))


def foretell(symptom: str, frame: pl.DataFrame, **about: Any) -> Forecast:
    one = case(symptom, frame, **about)
    return foretold(one)


def leak(days: float, per_minute: float) -> pl.DataFrame:
    """One-sided entries that have come at an even pace for so long."""
    span = int(days * DAY)
    return one_sided(int(span / 60 * per_minute), idle_s=spread_evenly(int(span / 60 * per_minute), span))


def test_a_steady_leak_fills_the_table_when_it_says() -> None:
    """10 a minute for two days, 5,000 places left: full in 500 minutes."""
    ahead = foretell("one-sided", leak(2, 10), count=28_800, limit=33_800)
    assert ahead.shape == "steady"
    assert ahead.net_per_minute == pytest.approx(10, rel=0.05)
    assert ahead.full_at is not None
    assert ahead.low is not None
    assert ahead.high is not None
    assert abs(ahead.full_at - TAKEN_AT - timedelta(minutes=500)) < timedelta(minutes=30)
    assert TAKEN_AT < ahead.low < ahead.full_at < ahead.high
    assert ahead.settles_at == pytest.approx(72_000, rel=0.02)


def test_a_leak_that_settles_below_the_limit_never_fills_it() -> None:
    ahead = foretell("one-sided", leak(2, 10), count=30_800, limit=262_144)
    assert ahead.full_at is None
    assert ahead.low is None
    assert ahead.settles_at == pytest.approx(74_000, rel=0.02)
    assert "below the limit" in ahead.basis


def test_a_leak_as_old_as_a_lifetime_has_settled() -> None:
    """What arrives goes again: the oldest entries are about to expire."""
    ahead = foretell("one-sided", leak(5, 10), count=72_000, limit=80_000)
    assert ahead.net_per_minute == pytest.approx(0, abs=0.5)
    assert ahead.full_at is None
    assert ahead.settles_at == pytest.approx(72_000, rel=0.02)


def test_a_shorter_timeout_settles_lower() -> None:
    """Lifetimes are the entries' own: 7,440 s at 10 a minute."""
    idle = spread_evenly(1240, 7440)
    frame = one_sided(1240, idle_s=idle, timeout=[7440 - age for age in idle])
    ahead = foretell("one-sided", frame, count=2_240)
    assert ahead.settles_at == pytest.approx(2_240, rel=0.05)


def restarts(sizes: list[int], every_s: int, since_s: int) -> pl.DataFrame:
    ages = [since_s + every_s * back for back in range(len(sizes))][::-1]
    rng = np.random.default_rng(5)
    idle = np.concatenate([rng.integers(age, age + 60, n) for age, n in zip(ages, sizes, strict=True)])
    return rows(len(idle), idle_s=idle.tolist())


def test_steps_fill_the_table_at_the_next_restart() -> None:
    """A twelve-hourly restart, 48 minutes ahead, brings more than there is room for.

    Its average pace would have promised nine hours.
    """
    sizes = [3111, 3090, 3126, 3072, 3101, 3084]
    frame = restarts(sizes, 12 * HOUR, 11 * HOUR + 12 * 60)
    ahead = foretell("orphaned", frame, count=23_890, limit=26_214)
    assert ahead.shape == "steps"
    assert ahead.full_at is not None
    assert abs(ahead.full_at - TAKEN_AT - timedelta(minutes=48)) < timedelta(minutes=3)
    assert ahead.net_per_minute == pytest.approx(3095 / 720, rel=0.1)
    assert ahead.low is not None
    assert ahead.high is not None
    assert ahead.low <= ahead.full_at <= ahead.high
    assert "6 steps of 3,072 to 3,126 entries, one every 12 h" in ahead.basis


def test_steps_with_room_wait_for_a_later_restart() -> None:
    frame = restarts([3000] * 4, 12 * HOUR, HOUR)
    ahead = foretell("orphaned", frame, count=12_000, limit=17_500)
    assert ahead.full_at is not None
    assert abs(ahead.full_at - TAKEN_AT - timedelta(hours=23)) < timedelta(minutes=5)


def test_steps_settle_at_as_many_as_fit_a_lifetime() -> None:
    """Every twelve hours for five days: ten at once."""
    ahead = foretell("orphaned", restarts([3000] * 6, 12 * HOUR, HOUR), count=20_000)
    assert ahead.settles_at == pytest.approx(2_000 + 30_000, abs=3_001)
    assert ahead.full_at is None


QUIET = 7_440


def silent_restarts(since_s: int, *, lively: int = 0) -> Forecast:
    """Twelve-hourly restarts seen by silence alone: the symptom does not hold the youngest entries."""
    frame = restarts([1000] * 6, 12 * HOUR, since_s)
    if lively:
        frame = pl.concat([frame, rows(lively, idle_s=[n % 200 for n in range(lively)])])
    seen = view(frame, count=6_000 + lively, limit=6_500 + lively)
    marked = MarkedRows.of(frame, frame["idle_s"] > QUIET)
    drawn = timeline(marked, seen)
    return foretold(Case("idle-established", seen, marked, drawn, shape(drawn)))


@pytest.mark.parametrize("lively", [0, 400])
@pytest.mark.parametrize("since_s", [600, 3_600, 7_200, 20_000])
def test_a_step_too_young_for_its_symptom_has_come_all_the_same(since_s: int, lively: int) -> None:
    ahead = silent_restarts(since_s, lively=lively)
    assert ahead.shape == "steps"
    assert ahead.full_at is not None
    due = TAKEN_AT + timedelta(seconds=12 * HOUR - since_s)
    assert abs(ahead.full_at - due) < timedelta(minutes=10)


def test_a_step_that_may_hide_among_connections_in_use_leaves_the_end_open() -> None:
    """Nothing young is told from what is in use: the step is due now, or came and is due again later."""
    ahead = silent_restarts(100)
    assert ahead.full_at == ahead.low == TAKEN_AT
    assert ahead.high is not None
    assert ahead.high - TAKEN_AT > timedelta(hours=11)


def test_steps_that_ended_bring_nothing_more() -> None:
    """Hourly restarts, the last of them two days ago."""
    ahead = foretell("orphaned", restarts([500] * 6, 3 * HOUR, 2 * DAY), count=3_000, limit=3_100)
    assert ahead.full_at is None


def test_a_burst_is_not_carried_on() -> None:
    idle = [20 * HOUR + n % 60 for n in range(5000)]
    ahead = foretell("one-sided", one_sided(5000, idle_s=idle), count=6_000, limit=6_100)
    assert ahead.shape == "burst"
    assert ahead.full_at is None
    assert ahead.settles_at == 1_000
    assert "nothing since" in ahead.basis


def test_three_lines_tell_no_pace() -> None:
    ahead = foretell("one-sided", one_sided(3, idle_s=[68_688, 68_910, 69_092]), limit=None, taken_at=None)
    assert ahead == Forecast(told=False, basis=ahead.basis)
    assert "too few" in ahead.basis


def test_a_few_lines_in_a_table_with_room_leave_nothing_in_doubt() -> None:
    """A node that is well has some: what they come to is told of their number, not of their pace."""
    few = one_sided(3, idle_s=[68_688, 68_910, 69_092])
    assert foretell("one-sided", few, limit=1_000).told
    assert not foretell("one-sided", few, limit=200).told
    assert foretell("one-sided", few, limit=0).told  # a table without a limit never fills
    assert not foretell("one-sided", few, limit=1_000, read=Input(visible=0.5)).told


def test_whether_a_table_fills_is_told_where_a_pace_is() -> None:
    idle = [20 * HOUR + n % 60 for n in range(5000)]
    for limit, told in ((6_100, True), (None, False)):
        assert foretell("one-sided", one_sided(5000, idle_s=idle), count=6_000, limit=limit).told is told


def test_without_a_clock_nothing_is_told() -> None:
    ahead = foretell("one-sided", one_sided(500, timeout=[400_000] * 500))
    assert ahead.net_per_minute is None
    assert ahead.full_at is None


def test_a_cut_dump_tells_no_future() -> None:
    ahead = foretell("one-sided", leak(2, 1), count=None, read=Input(truncated=True))
    assert ahead.full_at is None
    assert ahead.settles_at is None
    assert "cut short" in ahead.basis


def test_an_undated_dump_says_how_long_instead_of_when() -> None:
    ahead = foretell("one-sided", leak(2, 10), count=28_800, limit=33_800, taken_at=None)
    assert ahead.full_at is None
    assert ahead.net_per_minute == pytest.approx(10, rel=0.05)
    assert "after the dump, whose date is not known" in ahead.basis


@pytest.mark.parametrize("limit", [0, None])
def test_no_limit_is_never_reached(limit: int | None) -> None:
    ahead = foretell("one-sided", leak(2, 10), count=28_800, limit=limit)
    assert ahead.full_at is None
    assert ahead.settles_at is not None


def test_full_is_now() -> None:
    ahead = foretell("one-sided", leak(4, 1), count=10_000, limit=10_000)
    assert ahead.full_at == ahead.low == ahead.high == TAKEN_AT


def test_a_table_that_refuses_connections_is_full() -> None:
    """Under the limit by what expired between the count and the limit."""
    counters = (Counters(1.0, {"drop": 0}), Counters(2.0, {"drop": 4}))
    ahead = foretell("one-sided", leak(4, 1), count=9_950, limit=10_000, counters=counters)
    assert ahead.full_at == TAKEN_AT


def test_nothing_stuck_nothing_grows() -> None:
    one = case("one-sided", one_sided(0))
    assert forecast(one.view, ()).full_at is None
    assert foretold(one).basis == "nothing is stuck that grows"


def test_short_lived_entries_are_a_level_not_a_leak() -> None:
    """Half-open ones come and go within two minutes, however many they are."""
    idle = spread_evenly(5000, 120)
    frame = one_sided(5000, idle_s=idle, timeout=[120 - age for age in idle], state=1, one_sided=False)
    ahead = foretell("half-open", frame, count=6_000, limit=7_000)
    assert ahead.full_at is None
    assert ahead.net_per_minute == pytest.approx(0, abs=100)


def test_what_is_still_in_the_table_is_never_fewer_than_nothing() -> None:
    """Times in a damaged table lie beyond any lifetime."""
    frame = one_sided(200, idle_s=[10**8] * 100 + [5] * 100, timeout=[0] * 200)
    ahead = foretell("one-sided", frame, count=200, limit=201)
    assert ahead.settles_at is None or ahead.settles_at >= 0


def test_a_quick_beginning_is_not_drowned_by_the_calm_before() -> None:
    """A leak that tripled in its last third fills the table at the new pace."""
    calm, storm = spread_evenly(2000, 30 * HOUR, 10 * HOUR), spread_evenly(5000, 10 * HOUR)
    frame = one_sided(7000, idle_s=calm + storm)
    ahead = foretell("one-sided", frame, count=7_000, limit=12_000)
    assert ahead.full_at is not None
    assert ahead.full_at - TAKEN_AT < timedelta(hours=14)


def test_cases_add_up() -> None:
    """A leak and a pool of restarts in one table: each grows in its own way."""
    drip, leaps = leak(2, 10), restarts([3000] * 4, 12 * HOUR, HOUR)
    one = case("one-sided", drip, count=45_000, limit=60_000)
    other = case("orphaned", leaps)
    ahead = foretold(one, other)
    alone = foretold(one)
    assert ahead.settles_at is not None
    assert alone.settles_at is not None
    assert alone.settles_at < ahead.settles_at
    assert ahead.full_at is not None
    assert alone.full_at is not None
    assert ahead.full_at < alone.full_at
    assert "12,000 other stuck entries counted in" in ahead.basis


def test_a_table_that_was_not_read_can_still_be_full() -> None:
    one = case("one-sided", one_sided(0), count=100, limit=100)
    unread = dataclasses.replace(one.view, table=dataclasses.replace(one.view.table, flows=None))
    assert forecast(unread, ()).full_at == TAKEN_AT
    assert "not read" in forecast(unread, ()).basis


def test_a_pace_of_which_most_is_unknown_is_not_told() -> None:
    one = case("one-sided", leak(2, 1), count=5_000)
    other = case("orphaned", rows(2000, timeout=[900_000] * 2000))
    ahead = foretold(one, other)
    assert ahead.settles_at is None
    assert ahead.full_at is None


@settings(deadline=None)  # the first example pays for warming up
@given(
    st.lists(st.integers(0, FIVE_DAYS), min_size=1, max_size=400),
    st.integers(0, 3000),
    st.integers(1, 10_000),
    st.sampled_from(["one-sided", "orphaned", "idle-established"]),
)
def test_any_ages_give_an_honest_forecast(idle: list[int], rest: int, limit: int, symptom: str) -> None:
    """Bounds enclose the moment, nothing lies in the past, and a level is never negative."""
    ahead = foretell(symptom, rows(len(idle), idle_s=idle), count=len(idle) + rest, limit=limit)
    assert ahead.basis
    assert ahead.settles_at is None or ahead.settles_at >= 0
    if ahead.full_at is not None:
        assert ahead.low is not None
        assert TAKEN_AT <= ahead.low <= ahead.full_at
        assert ahead.high is None or ahead.high >= ahead.full_at
    else:
        # Where only the fastest pace fills the table, its moment is the one that is known.
        assert ahead.low is None or ahead.low >= TAKEN_AT
        assert ahead.high is None


def test_a_pause_of_minutes_does_not_end_what_stays_for_days() -> None:
    """600 entries of one minute, the last one 100 s ago: nobody knows that no more will come."""
    ahead = foretell("one-sided", one_sided(600, idle_s=spread_evenly(600, 160, 100)), count=600, limit=700)
    assert ahead.settles_at is None
    assert "cannot be told from so short a time" in ahead.basis


def test_what_fills_at_its_fastest_alone_has_a_low_end_alone() -> None:
    """Ever fewer: it settles below the limit, unless the pace of the busiest part comes back."""
    idle = [*spread_evenly(4_000, 2 * DAY, DAY), *spread_evenly(1_000, DAY)]
    ahead = foretell("one-sided", one_sided(5_000, idle_s=idle), count=5_000, limit=8_100)
    assert ahead.full_at is None
    assert ahead.high is None
    assert ahead.low is not None
    assert "at its fastest" in ahead.basis


def test_a_fresh_onset_is_not_averaged_away() -> None:
    """0.6 a minute for days, 100 a minute for half an hour: the table is full in ten minutes."""
    idle = [*spread_evenly(3_000, 300_000), *spread_evenly(3_000, 1_800)]
    ahead = foretell("one-sided", one_sided(6_000, idle_s=idle), count=6_000, limit=7_000)
    assert ahead.shape == "unknown"
    assert ahead.full_at is not None
    assert ahead.high is not None
    assert timedelta(minutes=8) < ahead.full_at - TAKEN_AT < timedelta(minutes=13)
    assert ahead.high - TAKEN_AT > timedelta(hours=12)
    assert "for the last" in ahead.basis


@pytest.mark.parametrize("seed", range(20))
def test_chance_is_no_onset(seed: int) -> None:
    idle = np.random.default_rng(seed).integers(0, 300_000, 3_000).tolist()
    ahead = foretell("one-sided", one_sided(3_000, idle_s=idle), count=3_000, limit=7_000)
    assert ahead.shape == "steady"
    assert "for the last" not in ahead.basis


def test_a_leak_that_grows_among_silent_connections_bounds_the_fast_end() -> None:
    """Most of the young ones will speak again; where none does, they are the pace."""
    idle = [age for n in range(6_000) if (age := round(300_000 * (n / 6_000) ** 3)) > QUIET]
    ahead = foretell("idle-established", rows(len(idle), idle_s=idle), count=6_000, limit=6_500)
    assert ahead.low is not None
    assert ahead.low - TAKEN_AT < timedelta(hours=6)

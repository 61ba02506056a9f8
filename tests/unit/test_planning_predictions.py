"""A table's course: what goes, what comes, and what a remedy changes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.planning.predictions import course
from unit.caserows import FIVE_DAYS, case, one_sided, spread_evenly
from unit.flowrows import evidence, table
from unit.planned import OLD_KERNEL, SETTINGS, leak, plan, silent, step

if TYPE_CHECKING:
    from halftrack.planning.predictions import Course

ENTRIES = 5_000
DAY = 86_400


def of_a_leak(*, limit: int | None = 262_144) -> Course:
    """Entries that came evenly over five days, each of which stays five days; 100 others."""
    frame = one_sided(ENTRIES, idle_s=spread_evenly(ENTRIES, FIVE_DAYS))
    leaking = case("one-sided", frame, count=ENTRIES + 100, limit=limit)
    found = course(leaking.view, (leaking,))
    assert found is not None
    return found


def test_left_alone_a_leak_that_has_filled_its_time_stays_as_it_is() -> None:
    for entries in of_a_leak().entries([0, DAY, 5 * DAY, 9 * DAY]):
        assert entries == pytest.approx(ENTRIES + 100, rel=0.02)


def test_under_a_shorter_life_the_old_ones_go_in_their_time_and_new_ones_stay_few() -> None:
    shortened = of_a_leak().living(("one-sided",), DAY // 2)
    half, whole = shortened.entries([2.5 * DAY, 6 * DAY])
    assert half == pytest.approx(100 + ENTRIES / 2 + ENTRIES / 10, rel=0.02)
    assert whole == pytest.approx(100 + ENTRIES / 10, rel=0.02)


def test_a_policy_for_half_of_it_shortens_half_of_it() -> None:
    [settled] = of_a_leak().living(("one-sided",), DAY // 2, 0.5).entries([6 * DAY])
    assert settled == pytest.approx(100 + ENTRIES / 2 + ENTRIES / 20, rel=0.02)


def test_what_is_cleared_is_gone_within_its_time_and_the_leak_goes_on() -> None:
    cleared = of_a_leak().cleared("one-sided", ENTRIES, 60)
    now, soon, later = cleared.entries([0, 60, DAY])
    assert now == ENTRIES + 100
    assert soon == pytest.approx(100, abs=2)
    assert later == pytest.approx(100 + ENTRIES / 5, rel=0.02)


def test_another_symptom_is_not_touched() -> None:
    before = of_a_leak()
    assert before.living(("orphaned",), 60) == before
    assert before.cleared("orphaned", 10, 60) == before


def test_a_table_holds_no_more_than_its_limit() -> None:
    assert of_a_leak(limit=3_000).entries([0, DAY]) == [3_000, 3_000]


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
    assert clear[-1] == cure[-1] == pytest.approx(3 + 900 * 7_440 / 432_000, abs=3)


def test_where_the_times_are_not_known_nothing_is_foretold() -> None:
    rows = [{**entry, "timeout": None} for entry in leak(900)]
    seen = evidence(table(*rows, settings=SETTINGS, limit=1_000), kernel=OLD_KERNEL)
    effect = step(plan(seen, "shorten-established"), "shorten-established").effect
    assert (effect.points, effect.settles_at) == ((), None)

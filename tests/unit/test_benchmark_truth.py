"""What the benchmark of diagnoses counts as right and as wrong, and the intervals of its shares."""

from __future__ import annotations

import pytest
from benchmarks.diagnosis import matrix, truth
from benchmarks.diagnosis.pairs import PAIRS
from benchmarks.diagnosis.record import Named, Record
from benchmarks.diagnosis.situation import Situation, planned

from halftrack import lab


def recorded(
    scenario: str, *findings: tuple[str, dict[str, float]], truths: tuple[str, ...] = (), severity: str = "ok"
) -> Record:
    where = Situation(number=0, scenarios=(scenario,), ipv6=False, port=80, load=1.0, background=0)
    named = tuple(Named(symptom, "info", 20, tuple(causes.items())) for symptom, causes in findings)
    return Record(situation=where, truths=truths, seconds=1.0, severity=severity, findings=named)


@pytest.mark.parametrize(
    ("hits", "of", "interval"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_intervals_are_those_of_wilson(hits: int, of: int, interval: tuple[float, float]) -> None:
    assert matrix.wilson(hits, of) == pytest.approx(interval, abs=5e-5)


def test_the_first_cause_of_the_first_finding_counts() -> None:
    one = recorded(
        "shaping",
        ("one-sided", {"slow-path": 0.6, "shaping": 0.55}),
        ("idle-established", {"shaping": 0.9}),
        truths=("shaping",),
    )
    assert truth.first(one) == "slow-path"
    assert not truth.right(one)
    assert truth.wrong(one) == {"slow-path"}


def test_a_likely_cause_that_is_none_is_wrong_wherever_it_stands() -> None:
    late = ("orphaned", {"owner-removed": 0.51})
    assert truth.wrong(recorded("scan", ("half-open", {"scan": 0.7}), late, truths=("scan",))) == {
        "owner-removed"
    }
    assert not truth.wrong(recorded("scan", ("orphaned", {"owner-removed": 0.5}), truths=("scan",)))


def test_unknown_is_right_where_nothing_else_is_and_never_wrong() -> None:
    one = recorded("half-close", ("one-sided", {"unknown": 0.8, "slow-path": 0.2}), truths=("unknown",))
    assert truth.right(one)
    assert not truth.wrong(one)
    sure = recorded("half-close", ("one-sided", {"slow-path": 0.8}), truths=("unknown",))
    assert truth.wrong(sure) == {"slow-path"}


def test_a_pool_is_no_mistake_where_there_is_one() -> None:
    pool = ("idle-established", {"idle-pool": 0.8})
    assert truth.right(recorded("healthy-pools", pool))
    assert not truth.wrong(recorded("healthy-pools", pool))
    assert truth.wrong(recorded("healthy-busy", pool)) == {"idle-pool"}
    assert not truth.right(recorded("healthy-busy", pool))


def test_a_healthy_node_is_left_in_peace_by_an_ok_alone() -> None:
    assert truth.in_peace(recorded("healthy-busy"))
    assert not truth.in_peace(recorded("healthy-busy", severity="warning"))


def test_of_two_troubles_both_have_to_be_among_the_first_three() -> None:
    truths = ("shaping", "scan")
    third = ("one-sided", {"unknown": 0.6, "shaping": 0.4, "scan": 0.3, "slow-path": 0.2})
    fourth = ("one-sided", {"unknown": 0.6, "slow-path": 0.45, "shaping": 0.4, "scan": 0.3})
    assert truth.both(recorded("shaping", third, truths=truths))
    assert not truth.both(recorded("shaping", fourth, truths=truths))


def test_a_plan_is_the_same_each_time_and_has_every_scenario() -> None:
    plan = list(planned(300, 1))
    assert plan == list(planned(300, 1))
    assert plan != list(planned(300, 2))
    assert len(plan) == 300
    played = {one.scenarios[0] for one in plan if len(one.scenarios) == 1}
    assert played >= {one.name for one in lab.SCENARIOS}
    pairs = {one.scenarios for one in plan if len(one.scenarios) == 2}
    assert 40 <= len(pairs) <= len(PAIRS)
    assert sum(not one.truths for one in plan) >= 40


def test_runs_that_did_not_come_about_are_told_and_count_nowhere() -> None:
    good = recorded("scan", ("half-open", {"scan": 0.7}), truths=("scan",))
    text, held = matrix.shown(
        [good, Record(situation=good.situation, truths=("scan",), seconds=1, failed="late")]
    )
    assert "true cause first: 1 of 1" in text
    assert "did not come about: 1 of 2" in text
    assert not held  # there were no pairs, and no healthy nodes

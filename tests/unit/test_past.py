"""Silences told by the timeouts of the moment in which an entry was last heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from halftrack.diagnosis.past import EVER, periods
from halftrack.diagnosis.view import view
from halftrack.evidence.flows import DRAINED
from halftrack.evidence.sysctls import PREFIX, Replaced
from halftrack.tcp import releases
from unit.flowrows import ASSURED, ONE_SIDED, TAKEN_AT, evidence, one_sided, row, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ESTABLISHED = f"{PREFIX}tcp_timeout_established"
CAPS = tuple(f"{PREFIX}tcp_timeout_{name}" for name in ("unacknowledged", "max_retrans"))
RAISED = {**dict.fromkeys(CAPS, "432000"), ESTABLISHED: "432000"}
HOUR = 3_600
OLD = "2.6.32-042stab092.1"
"""It keeps one-sided entries as long as any."""


def was(value: int, ago_s: float, then: int | None = None, *names: str) -> tuple[Replaced, ...]:
    until = TAKEN_AT - timedelta(seconds=ago_s)
    after = None if then is None else str(then)
    return tuple(Replaced(name, str(value), until, after) for name in names or (ESTABLISHED,))


def idle(
    entry: dict[str, Any], now: dict[str, str], replaced: Iterable[Replaced], **fields: Any
) -> tuple[int | None, bool]:
    seen = table(entry, settings=now, replaced=tuple(replaced))
    found = view(seen, evidence(seen, **fields)).flows.select("idle_s", "idle_at_least").row(0)
    return found[0], found[1]


CAPPED = was(432_000, 2 * HOUR, 300, *CAPS)
NOW_CAPPED = {**RAISED, **dict.fromkeys(CAPS, "300")}
SHORTENED = was(432_000, 2 * HOUR, 7_440)
NOW_SHORTENED = {ESTABLISHED: "7440"}


@pytest.mark.parametrize(
    ("entry", "now", "replaced", "found"),
    [
        # More left than a packet gives now: given before the change, and silent since then at least.
        (one_sided(left=400_000), NOW_CAPPED, CAPPED, (32_000, False)),
        (row(left=400_000), NOW_SHORTENED, SHORTENED, (32_000, False)),
        # Both: last heard a moment ago, or nearly five days ago.
        (one_sided(left=200), NOW_CAPPED, CAPPED, (100, True)),
        (row(left=7_000), NOW_SHORTENED, SHORTENED, (440, True)),
        # Neither: it would have been given that much in the two hours since the change.
        (one_sided(left=430_000), NOW_CAPPED, CAPPED, (None, False)),
        (row(left=430_000), NOW_SHORTENED, SHORTENED, (None, False)),
        # Less than anything has left that was heard in the minute since the change.
        (row(left=5_000), NOW_SHORTENED, was(432_000, 60, 7_440), (427_000, False)),
        # What the change does not bear on.
        (row(state="TIME_WAIT", left=100), NOW_SHORTENED, SHORTENED, (20, False)),
        (one_sided(left=200), {**NOW_SHORTENED, **dict.fromkeys(CAPS, "300")}, SHORTENED, (100, False)),
        # Little left of what was long: retransmissions, or a long silence.
        (row(left=200), NOW_SHORTENED, SHORTENED, (None, False)),
        # Tried for ten minutes and put back an hour ago: those ten minutes' entries are gone or spoke.
        (
            row(left=429_000),
            {ESTABLISHED: "432000"},
            (*was(300, HOUR, 432_000), *was(432_000, HOUR + 600, 300)),
            (3_000, False),
        ),
        # Put back a minute ago: what has less left than it takes was heard before, or during the trial.
        (
            row(left=431_950),
            {ESTABLISHED: "432000"},
            (*was(7_440, 60, 432_000), *was(432_000, 660, 7_440)),
            (50, False),
        ),
        (
            row(left=7_000),
            {ESTABLISHED: "432000"},
            (*was(7_440, 60, 432_000), *was(432_000, 660, 7_440)),
            (440, True),
        ),
        # So long ago that nothing of it is left.
        (one_sided(left=200), NOW_CAPPED, was(432_000, 500_000, 300, *CAPS), (100, False)),
    ],
)
def test_silence_is_by_the_timeout_of_its_time_and_a_bound_where_that_may_be_one_or_another(
    entry: dict[str, Any], now: dict[str, str], replaced: Sequence[Replaced], found: tuple[int | None, bool]
) -> None:
    assert idle(entry, now, replaced) == found


def test_where_the_kernel_does_not_clamp_it_is_the_established_timeout_that_was_replaced() -> None:
    assert idle(one_sided(left=400_000), NOW_SHORTENED, SHORTENED, kernel=OLD) == (32_000, False)


def test_a_timeout_that_somebody_else_set_since_is_not_taken_for_what_the_change_replaced() -> None:
    """432000 until two hours ago, then 100000 by the change; at some moment since, a stranger's 7440."""
    changed = was(432_000, 2 * HOUR, 100_000)
    assert idle(row(left=400_000), NOW_SHORTENED, changed) == (32_000, False)
    assert idle(row(left=95_000), NOW_SHORTENED, changed) == (5_000, True)
    assert idle(row(left=99_000), NOW_SHORTENED, changed)[0] == 1_000


def test_more_left_than_any_timeout_gave_is_still_not_known_and_injected() -> None:
    entry = one_sided(left=432_100, flags=(0x0A, 0x0A))
    seen = table(entry, settings=NOW_CAPPED, replaced=CAPPED)
    assert view(seen, evidence(seen)).flows.select("idle_s", "origin").row(0) == (None, "injected")


def test_a_moment_that_is_not_known_tells_only_what_holds_now() -> None:
    assert idle(one_sided(left=400_000), NOW_CAPPED, CAPPED, taken_at=None) == (None, False)


def test_what_was_fixed_or_offloaded_has_no_clock_then_either() -> None:
    for status in ("fixed-timeout", "offload"):
        entry = row(left=400_000, status=(*ASSURED, status))
        assert idle(entry, NOW_SHORTENED, SHORTENED) == (None, False)


def test_without_changes_there_is_one_period() -> None:
    seen = table(row())
    [today] = periods(seen, evidence(seen), releases.features("6.12.48"), clamps=True)
    assert today.windows == (EVER,)


def test_many_settings_that_strangers_wrote_are_not_multiplied() -> None:
    names = [f"{PREFIX}tcp_timeout_{name}" for name in ("fin_wait", "close_wait", "last_ack", "time_wait")]
    names += [f"{PREFIX}{name}" for name in ("udp_timeout", "icmp_timeout", "generic_timeout")]
    replaced = was(100_000, HOUR, 200_000, *names, ESTABLISHED, *CAPS)
    seen = table(row(), settings=dict.fromkeys((*names, ESTABLISHED, *CAPS), "300000"), replaced=replaced)
    assert len(periods(seen, evidence(seen), releases.features("6.12.48"), clamps=True)) == 3


TIMEOUTS = st.sampled_from([300, 600, 7_440, 20_000, 432_000])


@dataclass(frozen=True)
class History:
    """A timeout's values, oldest first, each with how long ago it was set, and who set it: we, or a stranger.

    No two strangers follow each other, nor does any come first: of those nothing is known.
    """

    values: tuple[tuple[int, int, bool], ...]

    def given_s(self, heard_s: int) -> int:
        return next(value for value, since_s, _ in reversed(self.values) if since_s >= heard_s)

    def replaced(self, names: Sequence[str]) -> list[Replaced]:
        changes = [
            was(before, since_s, after, *names)
            for (before, _, _), (after, since_s, ours) in pairwise(self.values)
            if ours
        ]
        return [each for change in reversed(changes) for each in change]


@st.composite
def histories(draw: st.DrawFn) -> History:
    moments = sorted(draw(st.lists(st.integers(10, 500_000), max_size=5, unique=True)), reverse=True)
    values, ours = [(draw(TIMEOUTS), 10**9, True)], True
    for index, since_s in enumerate(moments):
        ours = index == 0 or not ours or draw(st.booleans())
        values.append((draw(TIMEOUTS), since_s, ours))
    return History(tuple(values))


@settings(max_examples=500, deadline=None)
@given(history=histories(), heard_s=st.integers(5, 432_000), alone=st.booleans())
@example(history=History(((432_000, 10**9, True), (300, 7_200, True))), heard_s=32_000, alone=True)
@example(
    history=History(((432_000, 10**9, True), (7_440, 7_200, True), (600, 3_600, False))),
    heard_s=4_000,
    alone=False,
)
def test_no_entry_is_ever_given_a_silence_that_is_not_true(
    *, history: History, heard_s: int, alone: bool
) -> None:
    """Whatever was in force when: what is said to be known is, and what is a bound holds."""
    left = history.given_s(heard_s) - heard_s
    assume(left >= 0)
    names = (ESTABLISHED, *CAPS) if alone else (ESTABLISHED,)
    entry = row(left=left, status=ONE_SIDED if alone else ASSURED)
    now = dict.fromkeys(names, str(history.values[-1][0]))
    found, at_least = idle(entry, now, history.replaced(names))
    if found is None:
        # Little left of an answered connection: retransmissions, or silence. Nothing else is left open.
        assert not alone
        assert left <= 300
    elif at_least:
        assert found <= heard_s + 2
    else:
        assert abs(found - heard_s) <= 2


def drained(entry: dict[str, Any], taken_s: int, ago_s: int, now: dict[str, str]) -> tuple[int | None, bool]:
    seen = table(row(state="TIME_WAIT", left=100), entry, settings=now)
    assert seen.flows is not None
    told = pl.DataFrame({"taken_s": [0, taken_s], "ago_s": [0, ago_s]}, schema=dict(DRAINED))
    seen = replace(seen, flows=replace(seen.flows, drained=told))
    found = view(seen, evidence(seen)).flows.select("idle_s", "idle_at_least")
    assert found.row(0) == (20, False)
    return found.row(1)


@pytest.mark.parametrize(
    ("entry", "taken_s", "ago_s", "now", "found"),
    [
        # Given a minute ten seconds ago, of 400,000 s that it had left.
        (row(left=50), 399_940, 10, {ESTABLISHED: "432000"}, (32_010, False)),
        (one_sided(left=50), 399_940, 10, RAISED, (32_010, False)),
        # A packet gives five minutes: it would have more left if one had come since.
        (one_sided(left=50), 40, 10, dict.fromkeys(CAPS, "300"), (210, False)),
        # Given two hours, an hour ago, by a drain and by any packet alike: one may have come just after it.
        (row(left=3_840), 392_560, 3_600, {ESTABLISHED: "7440"}, (3_600, True)),
        (row(left=3_840), 2_000, 3_600, {ESTABLISHED: "7440"}, (3_600, True)),
        (row(left=3_840), 392_560, 3_600, {ESTABLISHED: "432000"}, (35_600, False)),
        # So little is left that retransmissions may have given it.
        (row(left=200), 392_560, 7_240, {ESTABLISHED: "432000"}, (None, False)),
    ],
)
def test_what_a_drain_took_is_added_unless_a_packet_may_have_given_what_is_left(
    entry: dict[str, Any], taken_s: int, ago_s: int, now: dict[str, str], found: tuple[int | None, bool]
) -> None:
    assert drained(entry, taken_s, ago_s, now) == found

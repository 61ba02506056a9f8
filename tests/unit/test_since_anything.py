"""Whatever two tables hold: nothing is counted twice, nothing is lost, nothing unseen has left."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import jsonschema
import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis import examine
from halftrack.diagnosis.since import moments
from halftrack.diagnosis.since.comparing import Earlier
from halftrack.diagnosis.since.known import NUMBERS
from halftrack.evidence.flows import FlowTable
from halftrack.evidence.values import Input
from halftrack.reporters.schema import schema
from unit.anything import node
from unit.flowrows import TAKEN_AT
from unit.since import adds_up, compared

if TYPE_CHECKING:
    from halftrack.diagnosis.since.document import Since
    from halftrack.evidence.values import Evidence

SEEDS = st.integers(0, 2**32)


def since(then: Evidence, now: Evidence) -> Since:
    found = compared(then, now).since
    assert found is not None
    return found


def rows(of: Evidence) -> dict[str, int]:
    return {table.netns: len(table.flows) for table in of.tables if table.flows is not None}


def some(of: Evidence, keep: list[bool]) -> Evidence:
    """Entries of the first table of which ``keep``, over and over again, says so."""
    table = of.tables[0]
    assert table.flows is not None
    frame = table.flows.frame
    kept = frame.filter([keep[place % len(keep)] for place in range(frame.height)])
    return replace(of, tables=(replace(table, flows=FlowTable(kept, table.flows.opaque)), *of.tables[1:]))


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(0, 60))
def test_compared_with_itself_all_stayed(seed: int, height: int) -> None:
    now = node(seed, height)
    found = since(now, now)
    for each in found.tables:
        if each.stayed is not None:
            assert (each.new, each.stayed, each.left, each.reused) == (0, rows(now)[each.netns], 0, 0)
    assert {each.course for each in found.findings} <= {"same"}
    assert (found.settings, found.rules) == ((), ())


@settings(max_examples=40, deadline=None)
@given(
    SEEDS,
    st.integers(1, 60),
    st.tuples(*[st.lists(st.booleans(), min_size=1, max_size=7)] * 2),
    st.integers(0, 10**6),
    st.tuples(st.booleans(), st.booleans()),
)
def test_everything_is_somewhere(
    seed: int, height: int, kept: tuple[list[bool], list[bool]], after_s: int, cut: tuple[bool, bool]
) -> None:
    whole = node(seed, height)
    then = replace(some(whole, kept[0]), input=Input(truncated=cut[0]))
    now = replace(
        some(whole, kept[1]), input=Input(truncated=cut[1]), taken_at=TAKEN_AT + timedelta(seconds=after_s)
    )
    document = compared(then, now)
    found = document.since
    assert found is not None
    for each in found.tables:
        if each.new is None or each.stayed is None or each.left is None:
            continue
        assert each.new + each.stayed + each.unseen_before == rows(now)[each.netns]
        assert each.left + each.stayed + each.unseen_now == rows(then)[each.netns]
        if cut[1]:
            assert each.left == each.reused
        if not any(cut):
            assert (each.unseen_before, each.unseen_now) == (0, 0)
    for finding in found.findings:
        if finding.symptom in NUMBERS:
            adds_up(finding)
        if finding.symptom in NUMBERS and cut[1]:
            assert finding.course not in ("gone", "smaller")
    jsonschema.validate(msgspec.json.decode(msgspec.json.encode(document)), schema())


@settings(max_examples=15, deadline=None)
@given(SEEDS, SEEDS, st.integers(0, 40), st.integers(0, 40))
def test_tables_that_have_nothing_to_do_with_each_other(
    one: int, other: int, first: int, second: int
) -> None:
    then, now = node(one, first), node(other, second)
    kept = moments.kept(then, examine(then))
    found = examine(now, Earlier((kept,), "given", None)).diagnosis.since
    assert found is not None
    for each in found.tables:
        if each.new is not None and each.stayed is not None:
            assert each.new + each.stayed + each.unseen_before == rows(now)[each.netns]

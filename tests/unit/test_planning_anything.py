"""Whatever a table holds, a plan for it keeps its promises."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack import planning
from halftrack.diagnosis import examine
from halftrack.errors import UsageError
from halftrack.planning.wanted import REMEDIES
from halftrack.plans.actions import Drain, SetBuckets, SetSysctl
from halftrack.plans.document import Plan, decode
from halftrack.reporters.plan import render
from unit.anything import node
from unit.flowrows import evidence, table
from unit.planned import SETTINGS, leak, plan

KINDS = ("relief", "cure", "clear")
WORDS = st.sampled_from([(), ("1",), ("2", "drain"), *((slug,) for slug in REMEDIES)])


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 80), WORDS)
def test_any_diagnosis_gives_a_plan_that_is_in_order(seed: int, height: int, words: tuple[str, ...]) -> None:
    seen = node(seed, height)
    try:
        made = planning.make(seen, examine(seen), planning.parse(words))
    except UsageError:
        assert words
        return
    assert decode(msgspec.json.encode(made)) == made
    assert [KINDS.index(step.kind) for step in made.steps] == sorted(
        KINDS.index(step.kind) for step in made.steps
    )
    buckets = {each.netns: each.buckets for each in seen.tables}
    settings_of = {each.netns: each.settings for each in seen.tables}
    changed = []
    for action in (action for step in made.steps for action in step.actions):
        if isinstance(action, SetSysctl):
            assert action.before == settings_of[action.where.netns].get(action.name)
            changed.append((action.where.netns, action.name))
        elif isinstance(action, SetBuckets):
            assert action.before == buckets["host"]
            assert action.before is None or action.after > action.before
    assert len(changed) == len(set(changed))
    strict = {place for place, name in changed if name.endswith("tcp_loose")}
    drained = {a.where.netns for step in made.steps for a in step.actions if isinstance(a, Drain)}
    assert not strict & drained
    well_shown(made)


def well_shown(made: Plan) -> None:
    for width in (40, 80):
        for verbose in (False, True):
            text = render(made, width=width, verbose=verbose, following=("halftrack fix plan.json",))
            assert text.isascii()
            assert all(line.isprintable() for line in text.splitlines())
            assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("name", ["web\x1b[2J", "we b; rm -rf /", "web\u202e"])
def test_a_hostile_name_does_not_reach_the_screen_as_it_is(name: str) -> None:
    made = plan(evidence(table(*leak(900), settings=SETTINGS, limit=1_000), node=name))
    assert made.steps
    well_shown(made)

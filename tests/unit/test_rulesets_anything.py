"""Any ruleset: where no difference is told, there is none, whatever the answers that nobody knows are.

The other side of the comparison is an interpreter of a page, which is told all that the judgement is
not: whether each condition holds that is not understood.
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.evidence.rulesets import Base, Chain, Condition, Rule, Ruleset, RuleTable
from halftrack.rulesets import comparing
from halftrack.rulesets.packets import BEGINS, ESTABLISHED, INVALID, UNTRACKED, Packet, Standing
from unit.rules import packet

if TYPE_CHECKING:
    from collections.abc import Mapping

ONE: Final = packet("198.51.100.7", "203.0.113.73", 50_000, 80)
_STATES: Final = ("new", "established", "invalid", "untracked")
_NAMES: Final = ("a", "b", "c")


class Unclear(Exception):
    """Nobody says what becomes of the packet: no interpreter either."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """Whether conditions hold that are not understood: by rule, and of an entry by packet, too."""

    of_packet: Mapping[int, bool]
    of_entry: Mapping[tuple[int, bool], bool]


def _holds(rule: Rule, state: str, known: _Unknown, *, first: bool) -> bool:
    for one in rule.conditions:
        match one.field:
            case "state":
                held = state in one.words
            case "dport":
                held = any(low <= 80 <= high for low, high in one.ranges)
            case "packet":
                held = known.of_packet[rule.position]
            case _:
                held = known.of_entry[rule.position, first]
        if held is one.negated:
            return False
    return True


def _chain(
    table: RuleTable,
    chain: Chain,
    state: str,
    known: _Unknown,
    marks: list[str],
    *,
    first: bool,
    depth: int = 0,
) -> str:
    """``accept``, ``drop``, ``translate``, or ``fall``."""
    for rule in chain.rules:
        if not _holds(rule, state, known, first=first):
            continue
        if rule.action in {"accept", "drop", "translate"}:
            return rule.action
        if rule.action == "return":
            return "fall"
        if rule.action == "untrack":
            marks.append("untracked")
        if rule.action == "unclear" or depth > 4:
            raise Unclear
        if rule.action in {"jump", "goto"}:
            if rule.target not in table.chains:
                raise Unclear
            called = table.chains[rule.target]
            end = _chain(table, called, state, known, marks, first=first, depth=depth + 1)
            if end != "fall" or rule.action == "goto":
                return end
    return "fall"


def _fate(found: Ruleset, standing: Standing, known: _Unknown, *, first: bool) -> str:
    """What becomes of the packet that is forwarded, with everything known."""
    translated = ""
    tracked = True
    [table] = found.tables
    bases = [chain for chain in table.chains.values() if chain.base is not None]
    for hook in ("prerouting", "forward", "postrouting"):
        for chain in sorted(bases, key=lambda each: each.base.priority if each.base else 0):
            base = chain.base
            if (
                base is None
                or base.hook != hook
                or (base.kind == "nat" and not (standing.begins and tracked))
            ):
                continue
            early = base.priority <= -200
            state = "invalid" if early else standing.state if tracked else "untracked"
            marks: list[str] = []
            end = _chain(table, chain, state, known, marks, first=first)
            tracked &= not (early and marks)
            if end == "drop" or (end == "fall" and not base.accepts):
                return "drop"
            translated = "translated" if end == "translate" else translated
    return f"accept {translated}"


_CONDITIONS: Final = st.one_of(
    st.builds(
        lambda words, negated: Condition("state", words=frozenset(words), negated=negated),
        st.sets(st.sampled_from(_STATES), min_size=1, max_size=2),
        st.booleans(),
    ),
    st.sampled_from([Condition("packet"), Condition("packet", negated=True), Condition("entry")]),
    st.sampled_from([Condition("dport", ((80, 80),)), Condition("dport", ((81, 90),))]),
)
_ACTIONS: Final = st.sampled_from(
    ["accept", "accept", "drop", "drop", "return", "jump", "jump", "goto", "untrack", "unclear"]
)
_RULES: Final = st.lists(
    st.tuples(st.lists(_CONDITIONS, max_size=2), _ACTIONS, st.sampled_from((*_NAMES, "nowhere"))), max_size=4
)
_BASES: Final = st.sampled_from(
    [
        Base("prerouting", -300),
        Base("prerouting", -100, "nat"),
        Base("prerouting", -150),
        Base("forward", 0),
        Base("forward", 0, "filter", accepts=False),
        Base("forward", 10),
        Base("postrouting", 100, "nat"),
    ]
)


@st.composite
def _rulesets(draw: st.DrawFn) -> Ruleset:
    numbers = itertools.count(1)

    def rules(kind: str) -> tuple[Rule, ...]:
        made = []
        for conditions, action, target in draw(_RULES):
            does: Any = "translate" if kind == "nat" and action == "drop" else action
            made.append(Rule(next(numbers), f"{does} {target}", tuple(conditions), does, target))
        return tuple(made)

    chains = {name: Chain(name, rules("filter")) for name in _NAMES}
    for number, base in enumerate(draw(st.lists(_BASES, min_size=1, max_size=3))):
        chains[f"base{number}"] = Chain(f"base{number}", rules(base.kind), base)
    return Ruleset((RuleTable("ip", "t", "nft", chains),))


_PAIRS: Final = st.sampled_from(
    [
        (ESTABLISHED, BEGINS),
        (ESTABLISHED, INVALID),
        (ESTABLISHED, UNTRACKED),
        (BEGINS, UNTRACKED),
        (Standing("new"), BEGINS),
    ]
)


@settings(max_examples=600, deadline=None)
@given(_rulesets(), _PAIRS, st.integers(0, 1 << 32).map(random.Random))
def test_where_no_difference_is_told_there_is_none(
    found: Ruleset, pair: tuple[Standing, Standing], chance: random.Random
) -> None:
    one, other = pair
    told = list(comparing.differences(comparing.prepared(found), ONE, one, other))
    positions = [rule.position for chain in found.tables[0].chains.values() for rule in chain.rules]
    for _ in range(16):
        known = _Unknown(
            {each: chance.random() < 0.5 for each in positions},
            {(each, first): chance.random() < 0.5 for each in positions for first in (True, False)},
        )
        try:
            fates = [_fate(found, one, known, first=True), _fate(found, other, known, first=False)]
        except Unclear:
            continue
        assert told or fates[0] == fates[1], (fates, found)


@settings(max_examples=300, deadline=None)
@given(_rulesets(), _PAIRS)
def test_an_answer_quotes_a_rule_or_policy_of_the_ruleset(
    found: Ruleset, pair: tuple[Standing, Standing]
) -> None:
    texts = {rule.text for chain in found.tables[0].chains.values() for rule in chain.rules}
    for each in comparing.differences(comparing.prepared(found), ONE, *pair):
        assert each.by.text in texts | {"policy accept", "policy drop"}
        assert each.base.chain.startswith("base")


def test_the_interpreter_tells_fates_apart() -> None:
    """It would be no witness if it called all packets the same."""
    drop = Chain(
        "base0",
        (Rule(1, "drop", (Condition("state", words=frozenset({"new"})),), "drop"),),
        Base("forward", 0),
    )
    found = Ruleset((RuleTable("ip", "t", "nft", {"base0": drop}),))
    nothing = _Unknown({}, {})
    assert _fate(found, ESTABLISHED, nothing, first=True) == "accept "
    assert _fate(found, BEGINS, nothing, first=False) == "drop"
    assert isinstance(ONE, Packet)

"""A packet alone through the chains of a ruleset: all ends that it may come to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from halftrack.rulesets import conditions
from halftrack.rulesets.conditions import Holds
from halftrack.rulesets.matching import Index

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.evidence.rulesets import Chain, Rule, Ruleset, RuleTable
    from halftrack.rulesets.packets import Packet

End = Literal["accept", "drop", "translate", "unclear", "fall"]
"""``fall``: back to where the chain was called from."""
DEEPEST: Final = 24
"""The kernel allows 16 jumps into one another (NFT_JUMP_STACK_SIZE, include/net/netfilter/nf_tables.h)."""


_OF_ENTRY: Final = frozenset({"state", "ct-mark", "entry"})


class Place(NamedTuple):
    """A rule where it stands; ``rule`` None: the chain's policy."""

    table: RuleTable
    chain: Chain
    rule: Rule | None = None


Ends = dict[End, Place]
"""Each end that may be come to, and one rule that leads there."""


class Walks:
    """A ruleset made ready to be walked through by many packets."""

    def __init__(self, rules: Ruleset) -> None:
        self.rules = rules
        self._indexes: dict[int, Index] = {}
        chains = [(table, chain) for table in rules.tables for chain in table.chains.values()]
        based = [each for each in chains if each[1].base is not None]
        self.bases = sorted(based, key=lambda each: each[1].base.priority if each[1].base else 0)
        self.elsewhere = tuple(_elsewhere(chains))
        self.marks = any(rule.action == "mark-entry" for _, chain in chains for rule in chain.rules)

    def candidates(self, chain: Chain, packet: Packet) -> Sequence[Rule]:
        """Rules of a chain that may hold for a packet."""
        index = self._indexes.get(id(chain))
        if index is None:
            index = self._indexes[id(chain)] = Index(chain.rules)
        return index.candidates(packet)


def _elsewhere(chains: Sequence[tuple[RuleTable, Chain]]) -> Iterator[Place]:
    """Rules of bridges and devices that go by an entry: packets of a connection may meet them, or not."""
    for table, chain in chains:
        if table.family not in {"bridge", "other"}:
            continue
        for rule in chain.rules:
            if any(condition.field in _OF_ENTRY for condition in rule.conditions):
                yield Place(table, chain, rule)


class Alone:
    """One packet. What is asked of it is kept."""

    def __init__(self, walks: Walks, packet: Packet) -> None:
        self.walks = walks
        self.packet = packet
        self._ends: dict[tuple[int, str], list[Ends]] = {}
        self._candidates: dict[int, Sequence[Rule]] = {}

    def candidates(self, chain: Chain) -> Sequence[Rule]:
        found = self._candidates.get(id(chain))
        if found is None:
            found = self._candidates[id(chain)] = self.walks.candidates(chain, self.packet)
        return found

    def holds(self, rule: Rule, state: str) -> Holds:
        return conditions.rule(rule, self.packet, state, marks=self.walks.marks)

    def ends(self, table: RuleTable, chain: Chain, state: str, number: int = 0, depth: int = 0) -> Ends:
        """From a rule on, by its number among the candidates."""
        key = (id(chain), state)
        if key not in self._ends:
            rules = self.candidates(chain)
            # Whoever comes here again while it is being worked out goes in circles.
            ends: list[Ends] = [{"unclear": Place(table, chain)} for _ in range(len(rules) + 1)]
            self._ends[key] = ends
            ends[-1] = {"fall": Place(table, chain)}
            for at in range(len(rules) - 1, -1, -1):
                rest, holds = ends[at + 1], self.holds(rules[at], state)
                if holds is Holds.NO:
                    ends[at] = rest
                    continue
                done = self.done(Place(table, chain, rules[at]), state, at, depth)
                # Where both may be, what surely takes the packet in the end is told.
                ends[at] = done if holds is Holds.YES else {**done, **rest}
        return self._ends[key][number]

    def done(self, place: Place, state: str, number: int, depth: int) -> Ends:
        """What comes of a rule that holds."""
        table, chain, rule = place
        action = rule.action if rule else "unclear"
        match action:
            case "accept" | "drop" | "translate":
                return {action: place}
            case "return":
                return {"fall": place}
            case "mark-entry":
                return self.ends(table, chain, state, number + 1, depth)
            case "jump" | "goto":
                called = table.chains.get(rule.target) if rule else None
                if called is None or depth >= DEEPEST:
                    return {"unclear": place}
                ends = self.ends(table, called, state, 0, depth + 1)
                return ends if action == "goto" else self.after(ends, place, state, number, depth)
        return {"unclear": place}

    def after(self, ends: Ends, place: Place, state: str, number: int, depth: int) -> Ends:
        """Of a packet that came to these ends in a chain that the rule called: behind it, if it fell out."""
        if "fall" not in ends:
            return ends
        rest = self.ends(place.table, place.chain, state, number + 1, depth)
        return {**{end: at for end, at in ends.items() if end != "fall"}, **rest}


def by_policy(ends: Ends, base: Place) -> Ends:
    """Ends of a base chain: who falls out of it fares as its policy says."""
    if "fall" not in ends:
        return ends
    accepts = base.chain.base is None or base.chain.base.accepts
    settled: Ends = {end: at for end, at in ends.items() if end != "fall"}
    settled["accept" if accepts else "drop"] = base
    return settled

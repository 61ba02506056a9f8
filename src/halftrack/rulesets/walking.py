"""Two packets that differ in what the tracker says of them alone, through the chains of a ruleset.

They go side by side as long as each rule holds for both or for neither. Where nobody can tell
whether a rule holds, but it is the same for both, the way forks and they stay together on either
branch. Where a rule holds for one alone they part, and each is followed to all ends that it may
come to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from halftrack.evidence.rulesets import CONNTRACK_PRIORITY, NAT
from halftrack.rulesets.alone import DEEPEST, Alone, Ends, Place, Walks, by_policy
from halftrack.rulesets.conditions import Holds
from halftrack.rulesets.packets import UNTRACKED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.rulesets import Chain, RuleTable
    from halftrack.rulesets.alone import End
    from halftrack.rulesets.packets import Packet, Standing

Tracking = Literal["tracked", "untracked"]
"""Whether a rule said notrack on the way."""
_BOTH: Final[tuple[Tracking, ...]] = ("tracked", "untracked")

_ENDS: Final[dict[str, End]] = {
    "accept": "accept",
    "drop": "drop",
    "translate": "translate",
    "return": "fall",
}


class Parting(NamedTuple):
    """Where two packets part, and what may become of each. ``sure``: who comes by there surely parts."""

    at: Place
    one: Ends
    other: Ends
    sure: bool


@dataclass(slots=True)
class Together:
    """What two packets come to side by side, and where they part."""

    ends: dict[Tracking, Ends] = field(default_factory=lambda: {each: {} for each in _BOTH})
    partings: list[Parting] = field(default_factory=list)


class _Way(NamedTuple):
    """A chain under way: what ``ct state`` says of either packet, how deep it was called, what was found."""

    table: RuleTable
    chain: Chain
    states: tuple[str, str]
    depth: int
    found: Together


class Walk:
    """One pair of packets: the same but for how they stand to the tracker."""

    def __init__(self, walks: Walks, packet: Packet, one: Standing, other: Standing) -> None:
        self._walks = walks
        self._packet = packet
        self._pair = (one, other)
        self._alone = Alone(walks, packet)
        self._kept: dict[tuple[int, tuple[str, str]], Together] = {}

    def through(self) -> Iterator[tuple[Place, Together]]:
        """Base chain after base chain, in the order in which the packet meets them.

        Those of kind nat are met by a packet that begins an entry alone: any other passes.
        """
        ways: set[Tracking] = {"tracked"}
        for hook in self._packet.hooks:
            for table, chain in self._walks.bases:
                if chain.base is None or chain.base.hook != hook:
                    continue
                if table.family not in {self._packet.family, "inet"}:
                    continue
                onward: set[Tracking] = set()
                for tracking in sorted(ways):
                    found = self._base(Place(table, chain), chain.base.priority, chain.base.kind, tracking)
                    yield Place(table, chain), found
                    onward |= {each for each in _BOTH if "accept" in found.ends[each]}
                    onward |= {tracking} if found.partings else set()
                ways = onward or ways

    def _base(self, base: Place, priority: int, kind: str, tracking: Tracking) -> Together:
        one, other = self._pair if tracking == "tracked" else (UNTRACKED, UNTRACKED)
        early = priority <= CONNTRACK_PRIORITY
        if kind == NAT and not (one.begins and other.begins):
            return self._beginning(base, tracking, one, other)
        states = ("invalid", "invalid") if early else (one.state, other.state)
        inner = self._together(base.table, base.chain, states, 0)
        found = Together(partings=list(inner.partings))
        for said, ends in inner.ends.items():
            # Once the packet is tracked it is too late to say notrack.
            where = "untracked" if early and said == "untracked" else tracking
            found.ends[where] = {**found.ends[where], **by_policy(ends, base)}
        found.partings = [
            Parting(each.at, by_policy(each.one, base), by_policy(each.other, base), each.sure)
            for each in found.partings
        ]
        return found

    def _beginning(self, base: Place, tracking: Tracking, one: Standing, other: Standing) -> Together:
        """A chain of kind nat: the packet that begins an entry goes through it, the other one passes by."""
        passes: Ends = {"accept": base}
        found = Together()
        found.ends[tracking] = passes
        if one.begins or other.begins:
            state = one.state if one.begins else other.state
            ends = by_policy(self._alone.ends(base.table, base.chain, state), base)
            at = ends.get("translate") or next(iter(ends.values()))
            ways = (ends, passes) if one.begins else (passes, ends)
            found.partings.append(Parting(at, *ways, sure=True))
        return found

    def _together(self, table: RuleTable, chain: Chain, states: tuple[str, str], depth: int) -> Together:
        """Through a chain as far as they go side by side; ``fall`` where they may leave it so."""
        key = (id(chain), states)
        if key in self._kept:
            return self._kept[key]
        circling = Together()
        circling.ends["tracked"]["unclear"] = Place(table, chain)
        # Whoever comes here again while it is being worked out goes in circles.
        self._kept[key] = circling
        if depth > DEEPEST:
            return circling
        way = _Way(table, chain, states, depth, Together())
        ways: set[Tracking] = {"tracked"}
        for number, rule in enumerate(self._alone.candidates(chain)):
            place = Place(table, chain, rule)
            one, other = (self._alone.holds(rule, state) for state in states)
            if one is other is Holds.NO:
                continue
            if Holds.NO in {one, other} or one is Holds.OPEN:
                way.found.partings += self._part(place, (one, other), number, way)
            if Holds.NO not in {one, other}:
                done = {each for tracking in ways for each in self._both(place, tracking, number, way)}
                ways = done if one is Holds.YES else done | ways
            elif Holds.YES in {one, other}:
                ways = set()
            if not ways:
                break
        for tracking in ways:
            way.found.ends[tracking].setdefault("fall", Place(table, chain))
        self._kept[key] = way.found
        return way.found

    def _both(self, place: Place, tracking: Tracking, number: int, way: _Way) -> set[Tracking]:
        """A rule holds for both of them. Back: how they go on side by side behind it, if they do."""
        action = place.rule.action if place.rule else "unclear"
        if action in {"jump", "goto"}:
            return self._called(place, tracking, number, way)
        if action == "untrack":
            return {"untracked"}
        harmless = self._packet.unmarked and not self._walks.marks
        if action == "mark-entry" or (action == "read-entry" and harmless):
            return {tracking}
        end = _ENDS.get(action, "unclear")
        way.found.ends[tracking].setdefault(end, place)
        return set()

    def _called(self, place: Place, tracking: Tracking, number: int, way: _Way) -> set[Tracking]:
        """What a chain that is jumped to comes to is the caller's, too."""
        rule = place.rule
        called = place.table.chains.get(rule.target) if rule else None
        if rule is None or called is None:
            way.found.ends[tracking].setdefault("unclear", place)
            return set()
        inner = self._together(place.table, called, way.states, way.depth + 1)
        onward: set[Tracking] = set()
        for said, ends in inner.ends.items():
            where = "untracked" if said == "untracked" else tracking
            for end, at in ends.items():
                if end == "fall" and rule.action == "jump":
                    onward.add(where)
                else:
                    way.found.ends[where].setdefault(end, at)
        for each in inner.partings:
            one, other = each.one, each.other
            if rule.action == "jump":
                one = self._alone.after(one, place, way.states[0], number, way.depth)
                other = self._alone.after(other, place, way.states[1], number, way.depth)
            way.found.partings.append(each._replace(one=one, other=other))
        return onward

    def _part(self, place: Place, holds: tuple[Holds, Holds], number: int, way: _Way) -> Iterator[Parting]:
        """The rule takes one of them, whichever it may hold for, and leaves the other."""
        for taken in (0, 1):
            if holds[taken] is Holds.NO:
                continue
            left = way.states[1 - taken]
            rest = self._alone.ends(way.table, way.chain, left, number + 1, way.depth)
            done = self._alone.done(place, way.states[taken], number, way.depth)
            ways = (done, rest) if taken == 0 else (rest, done)
            yield Parting(place, *ways, sure=set(holds) == {Holds.NO, Holds.YES})

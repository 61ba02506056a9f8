"""Which way a packet takes by rules and routes, as far as these decide it.

As the kernel does (net/core/fib_rules.c, fib_rules_lookup; net/ipv4/fib_trie.c, fib_table_lookup): rules by
their priority, in a table the longest prefix, of several the least metric. Where a rule cannot be told to
hold, both is followed up: what both lead to is decided nevertheless.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, TypeAlias

from halftrack.formats.routing.proc import ANY
from halftrack.formats.routing.routes import UNICAST

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from halftrack.formats.routing.routes import Prefix, Route
    from halftrack.formats.routing.rules import Rule

_Ends: TypeAlias = frozenset[str | bool | None]
"""Interfaces, None for no way, True for what is not told."""
_NO_WAY: Final[_Ends] = frozenset({None})
_UNTOLD: Final[_Ends] = frozenset({True})


@dataclass(frozen=True, slots=True)
class Way:
    """``interface`` None: there is none, or ``untold`` says why it cannot be told."""

    interface: str | None
    untold: str = ""


@dataclass(frozen=True, slots=True)
class _Outcome:
    """``ends``: all that is possible; ``why`` there are several, in words."""

    ends: _Ends
    why: str = ""

    def beside(self, other: _Outcome, why: str = "") -> _Outcome:
        """Either of the two."""
        ends = self.ends | other.ends
        return _Outcome(ends, (why if self.ends != other.ends else "") or self.why or other.why)


@dataclass(frozen=True, slots=True)
class _Found:
    """What a table says; ``falls``: whether the next rule is asked, None: perhaps."""

    outcome: _Outcome
    falls: bool | None


_NOTHING: Final = _Found(_Outcome(frozenset()), falls=True)


@dataclass(frozen=True, slots=True)
class Tables:
    """Of one family. ``routes``: those that matter; ``shown``: tables whose routes are known, None: all."""

    routes: Collection[Route]
    rules: Sequence[Rule]
    shown: frozenset[str] | None = None

    def way(self, local: Prefix, peer: Prefix, *, own: bool) -> Way:
        """Of an answer from ``local``, this namespace's ``own`` or one that it passes on, to ``peer``."""
        fitting: dict[str, list[Route]] = defaultdict(list)
        for route in sorted(self.routes, key=_order):
            if route.to.holds(peer) and (route.source is None or route.source.holds(local)):
                fitting[route.table].append(route)
        look_up = cache(lambda table, hides: _looked_up(fitting[table], hides))
        after = [_Outcome(_NO_WAY)] * (len(self.rules) + 1)
        places = {rule.priority: at for at, rule in reversed(list(enumerate(self.rules)))}
        for at in range(len(self.rules) - 1, -1, -1):
            rule, following = self.rules[at], after[at + 1]
            holds = rule.holds(local, peer, own=own)
            if holds is False:
                after[at] = following
                continue
            goal = places.get(rule.goto, -1) if rule.goto is not None else -1
            here = after[goal] if goal > at else self._by(rule, look_up, following)
            named = (
                f"policy rule {rule.priority} goes by {rule.goes_by or 'the interface that packets came by'}"
            )
            after[at] = here if holds else here.beside(following, named)
        return _way(after[0])

    def _by(self, rule: Rule, look_up: Callable[[str, int], _Found], following: _Outcome) -> _Outcome:
        """What a rule that holds leads to."""
        if rule.unknown:
            return _Outcome(_UNTOLD, f"what policy rule {rule.priority} does is not understood")
        if rule.table is None:
            return following if rule.passes or rule.goto is not None else _Outcome(_NO_WAY)
        if self.shown is not None and rule.table not in self.shown:
            why = f"policy rule {rule.priority} looks into a table that was not sent"
            return _Outcome(_UNTOLD, why)
        found = look_up(rule.table, min(rule.hides, 1))
        if found.falls is False:
            return found.outcome
        return following if found.falls else found.outcome.beside(following)


def _looked_up(fitting: Iterable[Route], hides: int) -> _Found:
    """In one table. ``fitting``: routes that hold the peer, in the order in which they are looked at.

    ``hides``: of rules that pass over default routes 0, over more than these 1.
    """
    possible = _Outcome(frozenset())
    for _, alike in itertools.groupby(fitting, key=_order):
        some = list(alike)
        found = _of_alike(some)
        if found is None:
            continue
        if hides == 0 == some[0].to.length:
            return _Found(possible, falls=None if possible.ends else True)
        if hides > 0:  # masks make other lengths of them
            why = "a policy rule goes by lengths of prefixes"
            return _Found(_Outcome(_UNTOLD, why), falls=None)
        outcome = possible.beside(found.outcome) if possible.ends else found.outcome
        if any(route.by_service for route in some):
            possible = _Outcome(outcome.ends, "a route is for one type of service")
            continue
        return _Found(outcome, falls=None if possible.ends and found.falls else found.falls)
    return _Found(possible, falls=None) if possible.ends else _NOTHING


def by_any(routes: Iterable[Route], peer: Prefix, why: str) -> Way:
    """Where it is not told in which table each is: by the one interface that all that fit lead through."""
    fitting = [route for route in routes if route.table == ANY and route.to.holds(peer)]
    if not fitting:
        return Way(None)
    ends = frozenset(
        end for route in fitting for end in (_interfaces(route) if route.kind == UNICAST else _NO_WAY)
    )
    return _way(_Outcome(ends, why))


def _order(route: Route) -> tuple[int, int, int]:
    return -route.to.length, -route.source.length if route.source else 0, route.metric


def _of_alike(routes: Sequence[Route]) -> _Found | None:
    """Routes of one prefix and metric; None: none of their next hops is alive."""
    kinds = {route.kind for route in routes}
    if "throw" in kinds:
        return _NOTHING if len(kinds) == 1 else _Found(_Outcome(_UNTOLD, "two routes contradict"), None)
    ends = frozenset(
        end for route in routes for end in (_interfaces(route) if route.kind == UNICAST else _NO_WAY)
    )
    why = "a next hop is not shown" if True in ends else "several next hops"
    return _Found(_Outcome(ends, why), falls=False) if ends else None


def _interfaces(route: Route) -> _Ends:
    """Of those next hops that are alive; True for one that is not shown."""
    return frozenset(hop.interface or True for hop in route.hops if not hop.dead)


def _way(outcome: _Outcome) -> Way:
    only = next(iter(outcome.ends)) if len(outcome.ends) == 1 else True
    return Way(None, outcome.why) if only is True else Way(only if isinstance(only, str) else None)

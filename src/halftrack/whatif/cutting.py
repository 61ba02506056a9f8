"""Which open connections of a table other settings would cut: asked of what remedies know of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from halftrack.evidence.sysctls import LOOSE, PREFIX
from halftrack.remedies.live import UNKNOWN, Live, LiveEntries
from halftrack.tcp import keeping, timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.conditions import Conditions
    from halftrack.diagnosis.document import LiveFlows
    from halftrack.diagnosis.view import View
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.whatif.words import Rule

_RULES: Final = (timeouts.ESTABLISHED, timeouts.UNACKNOWLEDGED, timeouts.CLOSE_WAIT)


@dataclass(frozen=True, slots=True)
class Cut:
    """``lost`` and ``picked_up`` as in ``document.WhatIf``; ``flows`` by service, most first."""

    lost: int | None
    flows: tuple[LiveFlows, ...]
    picked_up: int | None


class Cutting:
    """Asked for one table. ``rules``: of its namespace, where somebody read them."""

    def __init__(self, view: View, cases: Sequence[Case], today: Conditions, rules: Ruleset | None) -> None:
        self._today = today
        self._dead = [case.rows.mask for case in cases if case.symptom == "orphaned"]
        self._view, self._rules = view, rules
        self._live: dict[bool, LiveEntries] = {}

    def by(self, then: Conditions, rules: Sequence[Rule] = ()) -> Cut:
        """What these conditions and rules for services would cut."""
        found = self.silent(then)
        lost, flows = found.at_stake, list(found.flows)
        live = self._under(loose=then.loose)
        for rule in rules:
            told = live.of_service(rule.service) if rule.established is None else self._kept(live, rule)
            more = told.translated if rule.established is None else told.at_stake
            lost = None if lost is None or more is None or told.entries is None else lost + more
            if more:
                flows += told.flows
        picked_up = None
        if not then.loose and self._today.loose:
            picked_up = live.picked_up().entries
        return Cut(lost, tuple(flows), picked_up)

    def silent(self, then: Conditions) -> Live:
        """Connections that are silent for longer than these conditions would keep them."""
        before, after = self._today.spans(), then.spans()
        shorter: list[int | None] = []
        for name in _RULES:
            number = keeping.number(name)
            old, new = before[number], after[number]
            is_less = new is not None and (old is None or new.slow < old.slow)
            shorter.append(new.slow if new is not None and is_less else None)
        if shorter == [None] * len(shorter):
            return Live(0)
        return self._under(loose=then.loose).outlasting(*shorter)

    def _kept(self, live: LiveEntries, rule: Rule) -> Live:
        return UNKNOWN if rule.established is None else live.silent(rule.established, rule.service)

    def _under(self, *, loose: bool) -> LiveEntries:
        """Whether what is cut would get an entry again is decided by the settings of then."""
        if loose not in self._live:
            settings = {**self._view.table.settings, f"{PREFIX}{LOOSE}": str(int(loose))}
            view = replace(self._view, table=replace(self._view.table, settings=settings))
            self._live[loose] = LiveEntries(view, self._dead, self._rules)
        return self._live[loose]

"""What a drain of a finding would come to: each entry judged as it will be when its turn comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.draining import rules
from halftrack.draining.fates import MAY_LIVE_S, MEANINGS, Fate, Wish
from halftrack.draining.judging import Surroundings, judge
from halftrack.evidence import uapi
from halftrack.evidence.flows import select
from halftrack.remedies import retiming

if TYPE_CHECKING:
    from halftrack.plans.actions import Drain
    from halftrack.remedies.situation import Situation

_GONE: Final = (Fate.DEAD, Fate.UNANSWERED)
_UNANSWERED: Final = "one-sided"


@dataclass(frozen=True, slots=True)
class Clearing:
    """``freed``: entries that go within a minute; ``spared``: those that may live and get longer.

    ``needed``: spared ones that never had an answer, and are spared because rules may need them.
    ``why``: of those, by reason, where somebody read the rules.
    """

    freed: int
    spared: int
    fates: Mapping[Fate, int]
    needed: int = 0
    why: Mapping[str, int] = field(default_factory=dict)

    @property
    def why_not(self) -> str | None:
        """Why nothing would go, by what keeps most of them; None where something would."""
        if self.freed or self.spared or not self.fates:
            return None
        most = max(self.fates, key=lambda fate: self.fates[fate])
        return f"{self.fates[most]:,} of them: {MEANINGS[most]}"


def clearing(situation: Situation, drain: Drain) -> Clearing:
    """Of the finding's rows. Where nobody looked at the rules, they are taken not to miss what goes."""
    view, rows = situation.view, situation.rows
    if view is None or rows is None:
        return Clearing(0, 0, {})
    taken = rows.mask
    if situation.finding.symptom == retiming.SYMPTOM:
        longer = select(view.flows, (pl.col("timeout") > MAY_LIVE_S).fill_null(value=False).alias("longer"))
        taken &= longer["longer"]
    found = None
    unmissed = view.flows["status"] & uapi.IPS_NAT_MASK == 0
    if situation.rules is not None:
        found = rules.by_rules(view, taken & view.flows["one_sided"], situation.rules)
        unmissed = found.unmissed
    around = Surroundings(
        unmissed=unmissed,
        traffic=rows.mask if situation.one_way else None,
    )
    judgement = judge(view, taken, Wish(drain.mode, drain.seconds), around)
    fates = judgement.counts()
    spared = fates.get(Fate.MAY_LIVE, 0)
    freed = sum(fates.get(fate, 0) for fate in _GONE)
    if situation.finding.symptom != _UNANSWERED:
        return Clearing(freed, spared, fates)
    left = (judgement.fates == Fate.MAY_LIVE).fill_null(value=False)
    return Clearing(freed, spared, fates, spared, found.judged.why(left) if found else {})


def together(told: Sequence[Clearing]) -> Clearing:
    """Of several drains."""
    fates: Counter[Fate] = Counter()
    why: Counter[str] = Counter()
    for each in told:
        fates.update(each.fates)
        why.update(each.why)
    return Clearing(
        freed=sum(each.freed for each in told),
        spared=sum(each.spared for each in told),
        fates=fates,
        needed=sum(each.needed for each in told),
        why=why,
    )

"""asymmetric-path: the other direction takes another way, so these entries are living traffic.

Where the client of a service of ours alone is heard, it is the server that answers past this node: what
shows that is direct-return's evidence.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.causes import facts, one_way, replies, unmoved, ways
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

SYMPTOMS: Final = frozenset({"one-sided", "half-open"})


def weigh(case: Case) -> Cause | None:
    if case.symptom not in SYMPTOMS:
        return None
    ours = not one_way.answered_past_us(case)
    forwarded = facts.share(case.rows, facts.forwarded())
    return conclude(
        "asymmetric-path",
        0.05,
        (
            *(one_way.in_use(case) if ours else ()),
            *(replies.by_another_way(case) if ours else ()),
            *(ways.of_answers(case) if ours else ()),
            Clue("share that only passes through here", round(forwarded, 2), facts.entries_of(case.view), 0.1)
            if forwarded >= facts.MOSTLY
            else None,
            one_way.long_silent(case),
            *unmoved.doubts(case),
            *ways.of_both_directions(case),
            ways.invalid(case),
        ),
        (
            one_way.accounting(case),
            *ways.missing(case),
        ),
    )

"""asymmetric-path: the other direction takes another way, so these entries are living traffic.

Where the client alone is heard, a server that answers past this node (direct-return) shows the same and is
more often why; what both show makes neither likely then.
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
    own = not one_way.client_alone(case)
    forwarded = facts.share(case.rows, facts.forwarded())
    return conclude(
        "asymmetric-path",
        0.05,
        (
            *one_way.in_use(case, own=own),
            *replies.by_another_way(case, own=own),
            Clue("share that only passes through here", round(forwarded, 2), facts.entries_of(case.view), 0.1)
            if forwarded >= facts.MOSTLY
            else None,
            one_way.long_silent(case),
            unmoved.by_packets(case, -0.9),
            *ways.of_both_directions(case, own=own),
            ways.invalid(case),
        ),
        (
            one_way.accounting(case),
            "the way of both directions: tcpdump on both interfaces"
            if ways.known(case)
            else "the way of both directions: ip route get; tcpdump on both interfaces",
        ),
    )

"""direct-return: the server answers clients past this node, as behind a load balancer that lets it.

The tracker sees the client's half alone. Its SYN opens an entry that no answer completes, so most
of these wait in SYN_SENT; one-sided ones come from flows that outlive that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis.causes import asymmetric_path, facts, one_way, replies, unmoved, ways
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause


def weigh(case: Case) -> Cause | None:
    if case.symptom not in asymmetric_path.SYMPTOMS or not one_way.answered_past_us(case):
        return None
    here = facts.entries_of(case.view)
    client = round(1 - one_way.server_alone(case), 2)
    through = tuple(ways.through_another(case))
    return conclude(
        "direct-return",
        0.05,
        (
            Clue("share in which the client alone was heard", client, here, 0.25)
            if case.symptom == "one-sided"
            # Whatever does not answer looks like that.
            else Clue("share in which the client alone was heard", client, here, 0.05),
            *one_way.in_use(case),
            *replies.by_another_way(case),
            one_way.long_silent(case),
            unmoved.by_packets(case, -0.9),
            *ways.of_answers(case),
            *through,
            ways.invalid(case),
        ),
        (
            one_way.accounting(case),
            None if through else "whether the server answers through another machine: its default route",
        ),
    )

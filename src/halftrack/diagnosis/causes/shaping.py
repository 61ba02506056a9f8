"""shaping: a rate limit holds the server's packets back until the client has gone.

The table shows the same as for a slow path; the shaper's own counters tell them apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from halftrack.diagnosis.causes import facts, one_way
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause


def weigh(case: Case) -> Cause | None:
    if case.symptom != "one-sided":
        return None
    server = one_way.server_alone(case)
    owner = facts.top_share(case.rows.sample("local_hi", "local_lo"), pl.all())
    here = facts.entries_of(case.view)
    return conclude(
        "shaping",
        0.05,
        (
            Clue("share in which the server alone was heard", round(server, 2), here, 0.2)
            if server >= facts.MOSTLY
            else Clue("share in which the server alone was heard", round(server, 2), here, -0.5),
            Clue("share of one address, as where one container is limited", round(owner, 2), here, 0.1)
            if case.rows.height >= facts.MANY and owner >= facts.MOSTLY
            else None,
            one_way.not_at_once(case),
            one_way.only_a_tail(case),
        ),
        ("the shaper's counters: tc -s qdisc show; tc -s class show dev INTERFACE",),
    )

"""slow-path: clients give up on a slow way, and the server's late packets open an entry of their own.

The table alone shows the late packets, not why the client had gone: round-trip times settle it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis.causes import facts, one_way
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause


def weigh(case: Case) -> Cause | None:
    if case.symptom != "one-sided":
        return None
    server = one_way.server_alone(case)
    here = facts.entries_of(case.view)
    return conclude(
        "slow-path",
        0.05,
        (
            Clue("share in which the server alone was heard", round(server, 2), here, 0.3)
            if server >= facts.MOSTLY
            else Clue("share in which the server alone was heard", round(server, 2), here, -0.5),
            one_way.many_peers(case),
            one_way.not_at_once(case),
            one_way.only_a_tail(case),
        ),
        ("round-trip times of the server's sockets: ss -tino in its namespace",),
    )

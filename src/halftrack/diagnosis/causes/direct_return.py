"""direct-return: the server answers clients past this node, as behind a load balancer that lets it.

The tracker sees the client's half alone. Its SYN opens an entry that no answer completes, so most
of these wait in SYN_SENT; one-sided ones come from flows that outlive that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.causes import asymmetric_path, facts, one_way, replies, unmoved, ways
from halftrack.diagnosis.causes.weighing import Clue, conclude
from halftrack.evidence import addresses, uapi

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_TCP: Final = uapi.PROTOCOL_NAMES[uapi.IPPROTO_TCP]


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
            *unmoved.doubts(case),
            *ways.of_answers(case),
            *through,
            _handed_on(case),
            ways.invalid(case),
        ),
        (
            one_way.accounting(case),
            None if through else "whether the server answers through another machine: its default route",
        ),
    )


def _handed_on(case: Case) -> Clue | None:
    """What most of the entries ask for is a service of IPVS whose servers answer past this node."""
    past = {(one.address, one.port) for one in case.view.evidence.fronts if one.past and one.protocol == _TCP}
    if not past:
        return None
    asked = case.rows.sample("orig_dst_hi", "orig_dst_lo", "orig_dport").drop_nulls()
    counted = asked.group_by(asked.columns).len()
    of_these = sum(
        entries for hi, lo, port, entries in counted.iter_rows() if (addresses.to_text(hi, lo), port) in past
    )
    share = of_these / max(asked.height, 1)
    if share < 0.5:
        return None
    what = "share that asks for a service which IPVS hands on by route or tunnel"
    return Clue(what, round(share, 2), "services of IPVS (/proc/net/ip_vs)", 0.7, own=True)

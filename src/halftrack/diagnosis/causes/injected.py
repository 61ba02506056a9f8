"""injected: the entries were not made by packets but put there.

conntrackd, a live migration or ``conntrack -I`` give an entry any timeout; a kernel that cuts
one-sided entries short does not. Where packets are counted, entries that none was counted for tell on any
kernel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from halftrack.diagnosis import words
from halftrack.diagnosis.causes import facts, replies, unmoved
from halftrack.diagnosis.causes.weighing import Clue, conclude
from halftrack.evidence import sysctls, uapi
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause


def weigh(case: Case) -> Cause | None:
    view = case.view
    if case.symptom != "one-sided":
        return None
    longer, unmoved_share = _longer(case), unmoved.by_packets(case, 0.6, own=True)
    elsewhere = replies.elsewhere(case, 0.5, own=True)
    fixed = facts.share(case.rows, pl.col("status") & uapi.IPS_FIXED_TIMEOUT != 0)
    if longer is unmoved_share is elsewhere is None:
        return None
    copiers = view.evidence.firewall.copiers
    read = timeouts.UNACKNOWLEDGED not in view.timeouts.assumed
    return conclude(
        "injected",
        0.05,
        (
            longer,
            unmoved_share,
            elsewhere,
            Clue(
                "share with a timeout that packets do not renew",
                round(fixed, 2),
                facts.entries_of(view),
                0.4 * fixed,
            )
            if fixed
            else None,
            *(
                Clue(
                    f"runs here, and copies entries of another node: {name}", 1, "processes of the node", 0.2
                )
                for name in copiers or ()
            ),
        ),
        (
            None
            if read
            else f"sysctl {sysctls.PREFIX}{timeouts.UNACKNOWLEDGED} {sysctls.PREFIX}{timeouts.MAX_RETRANS}",
            "whether a timeout policy is attached: nft list ruleset, nfct list timeout",
            "whether conntrackd runs or this node took over another's connections"
            if copiers is None
            else "whether this node took over another's connections, or moved containers here with theirs",
        ),
    )


def _longer(case: Case) -> Clue | None:
    """More time left than packets get here; nothing where the kernel gives days by itself, or settings do."""
    view = case.view
    if not view.features.clamps_one_sided:
        return None
    shown = facts.share(case.rows, pl.col("origin") == "injected")
    given = (view.timeouts.values[name] for name in (timeouts.UNACKNOWLEDGED, timeouts.MAX_RETRANS))
    short = max(*given, view.gave_s or 0)
    longer = facts.share(
        case.rows, (pl.col("state") == uapi.TCP_CONNTRACK_ESTABLISHED) & (pl.col("timeout") > short)
    )
    if not longer and not shown:
        return None
    kernel = view.evidence.kernel or "this kernel"
    what = f"share with more left than the {words.duration(short)} that {kernel} gives a one-sided entry"
    here = facts.entries_of(view)
    if timeouts.UNACKNOWLEDGED in view.timeouts.assumed:
        # Settings that were not read may have been raised: then packets did make these entries.
        return Clue(what, round(longer, 2), here, 0.35 * longer)
    return Clue(what, round(max(longer, shown), 2), here, 0.7 * longer, own=True)

"""long-close-wait: half-closed connections stay long because CLOSE_WAIT's timeout was raised.

Kubernetes' kube-proxy sets 3,600 s, sixty times the kernel's default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from halftrack.diagnosis.causes import facts
from halftrack.diagnosis.causes.weighing import Clue, conclude
from halftrack.evidence import sysctls, uapi
from halftrack.evidence.values import KUBE_PROXY
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_DEFAULT_S = timeouts.DEFAULTS[timeouts.CLOSE_WAIT]


def weigh(case: Case) -> Cause | None:
    if case.symptom != "half-closed":
        return None
    waiting = facts.share(case.rows, pl.col("state") == uapi.TCP_CONNTRACK_CLOSE_WAIT)
    longer = facts.share(
        case.rows, (pl.col("state") == uapi.TCP_CONNTRACK_CLOSE_WAIT) & (pl.col("timeout") > _DEFAULT_S)
    )
    if not longer:
        return None
    known = facts.setting(case.view, timeouts.CLOSE_WAIT)
    managers = case.view.evidence.firewall.managers
    return conclude(
        "long-close-wait",
        0.1,
        (
            Clue(
                f"share of the entries in CLOSE_WAIT with more than the default's {_DEFAULT_S} s left",
                round(longer, 2),
                facts.entries_of(case.view),
                0.6 * longer,
                own=True,
            ),
            known
            and (
                Clue("CLOSE_WAIT's timeout was raised", known[1], f"sysctl {known[0]}", 0.8, own=True)
                if known[1] > _DEFAULT_S
                # A packet gives what the setting is then: more left than that proves a higher one before.
                else Clue(
                    "CLOSE_WAIT's timeout is not raised any more: it was, or these were injected",
                    known[1],
                    f"sysctl {known[0]}",
                    0.3,
                )
            ),
            Clue("a manager that raises it runs here", "kube-proxy", "processes and rules", 0.3)
            if KUBE_PROXY in managers
            else None,
            Clue("share of the entries in CLOSE_WAIT", round(waiting, 2), facts.entries_of(case.view), -0.5)
            if waiting < 0.5
            else None,
        ),
        (None if known else f"sysctl {sysctls.PREFIX}{timeouts.CLOSE_WAIT}",),
    )

"""syn-flood: handshakes begun in masses by senders that do not exist.

Forged senders leave traces in the counters of the namespace that listens: its queue of unfinished
handshakes overflows and cookies are sent that never come back. A full queue of finished ones is
another trouble: a service that does not accept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import entries
from halftrack.diagnosis.causes import facts, listening
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_CROWD: Final = 100
_COUNTERS: Final = (
    "counters of SYN cookies and of the listen queue: nstat -az | grep -e Syncookies -e ReqQFull"
)


def weigh(case: Case) -> Cause | None:
    if case.symptom == "half-open":
        return _of_half_open(case)
    return _of_one_sided(case) if case.symptom == "one-sided" else None


def _of_half_open(case: Case) -> Cause | None:
    some = case.rows.sample(*facts.ENDS, "status")
    here = facts.entries_of(case.view)
    sources = facts.variety(some.select(facts.source("hi"), facts.source("lo")))
    service = facts.top_share(some.select(facts.target("hi"), facts.target("lo"), "orig_dport"))
    answered = facts.share(some, entries.answered())
    crowd = case.rows.height >= _CROWD
    counted = tuple(listening.of_handshakes(case))
    return conclude(
        "syn-flood",
        0.05,
        (
            Clue("different senders per entry", round(sources, 2), here, 0.4, own=True)
            if crowd and sources >= 0.5
            else Clue("different senders per entry", round(sources, 2), here, -0.6),
            Clue("share aimed at one service", round(service, 2), here, 0.3)
            if service >= 0.6
            else Clue("share aimed at one service", round(service, 2), here, -0.5),
            Clue("answered and never finished", round(answered, 2), here, 0.3)
            if answered >= 0.5
            else Clue(
                "unanswered: a dead or filtered service looks the same", round(1 - answered, 2), here, -0.3
            ),
            *counted,
            listening.of_log(case),
        ),
        (None if counted else _COUNTERS,),
    )


def _of_one_sided(case: Case) -> Cause | None:
    half_open = facts.share(case.view.flows, entries.unfinished())
    here = facts.entries_of(case.view)
    many = case.view.flows.height >= _CROWD
    counted = tuple(listening.of_stray(case))
    return conclude(
        "syn-flood",
        0.1,
        (
            Clue("share of half-open entries beside them", round(half_open, 2), here, 0.2)
            if half_open >= 0.1
            else None,
            Clue("share of half-open entries beside them", round(half_open, 3), here, -0.4)
            if many and half_open < 0.01
            else None,
            *counted,
        ),
        (None if counted else "counters of SYN cookies: nstat -az | grep Syncookies",),
    )

"""What each step of a plan does to the table, the steps before it done: freed now, settled, over time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.draining.fates import DEAD_S, MAY_LIVE_S
from halftrack.planning.predictions import Course, course
from halftrack.plans.document import Effect
from halftrack.remedies import cap_unacknowledged, timeout_policy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.planning.picks import Pick
    from halftrack.remedies.situation import Situation

_ESTABLISHED: Final = ("one-sided", "orphaned", "idle-established")


class Effects:
    """Asked step by step, in the plan's order: each answer counts in those before it."""

    def __init__(self, cases: Sequence[Case]) -> None:
        self._cases = cases
        self._courses: dict[str, Course | None] = {}

    def of(self, picked: Pick) -> Effect:
        situation, advice = picked.situation, picked.advice
        freed = advice.effect.entries_freed
        after = self._course(situation)
        if picked.by_hand:
            return Effect(entries_freed=freed, settles_at=advice.effect.settles_at)
        if picked.clearing is not None:
            told = picked.clearing
            freed, later = told.freed, told.needed
            within_s = MAY_LIVE_S if later > freed else DEAD_S
            after = after and after.cleared(situation.finding.symptom, freed + later, within_s)
        after = after and _changed(after, picked)
        self._courses[situation.table.netns] = after
        settles = advice.effect.settles_at
        return Effect(entries_freed=freed, settles_at=settles, points=after.points() if after else ())

    def _course(self, situation: Situation) -> Course | None:
        netns = situation.table.netns
        if netns not in self._courses:
            of_table = [case for case in self._cases if case.view.netns == netns]
            seen = of_table[0].view if of_table else situation.view
            self._courses[netns] = course(seen, of_table) if seen is not None else None
        return self._courses[netns]


def _changed(before: Course, picked: Pick) -> Course:
    """The course under what a remedy sets."""
    arguments, symptom = picked.advice.arguments, picked.situation.finding.symptom
    symptoms: tuple[str, ...] = ()
    lifetime_s, share = 0, 1.0
    match picked.remedy:
        case "raise-limit":
            return replace(before, limit=int(arguments["limit"]))
        case "shorten-established":
            symptoms, lifetime_s = _ESTABLISHED, int(arguments["established"])
        case "timeout-policy" if "established" in arguments:
            symptoms, lifetime_s = (symptom,), int(arguments["established"])
            share = timeout_policy.share(picked.situation, str(arguments.get("service")))
        case "cap-unacknowledged":
            symptoms, share = (symptom,), cap_unacknowledged.unanswered(picked.situation)
            lifetime_s = min(int(arguments["unacknowledged"]), int(arguments["max_retrans"]))
        case "strict-pickup":
            symptoms = ("one-sided",)
        case "notrack":
            symptoms = (symptom,)
            share = timeout_policy.share(picked.situation, str(arguments.get("service")))
        case "advice" if "value" in arguments:
            symptoms, lifetime_s = ("half-closed",), int(arguments["value"])
    return before.living(symptoms, lifetime_s, share) if symptoms else before

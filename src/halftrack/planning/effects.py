"""What each step of a plan does to the table, the steps before it done: freed now, settled, over time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis import makeup
from halftrack.diagnosis.conditions import Service
from halftrack.draining.fates import DEAD_S, MAY_LIVE_S
from halftrack.evidence.sysctls import LIMIT, LOOSE
from halftrack.plans.document import Effect, Point
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.course import Course
    from halftrack.planning.picks import Pick
    from halftrack.remedies.situation import Situation

MOMENTS_S: Final = (3_600, 21_600, 86_400, 172_800, 432_000)


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
        return Effect(entries_freed=freed, settles_at=settles, points=_points(after) if after else ())

    def _course(self, situation: Situation) -> Course | None:
        """None where the evidence does not tell how it goes on."""
        netns = situation.table.netns
        if netns not in self._courses:
            of_table = [case for case in self._cases if case.view.netns == netns]
            seen = of_table[0].view if of_table else situation.view
            made = None if seen is None or seen.table.flows is None else makeup.of(seen, of_table)
            self._courses[netns] = None if made is None or made.doubt is not None else made.course
        return self._courses[netns]


def _points(course: Course) -> tuple[Point, ...]:
    found = course.at(np.array(MOMENTS_S, np.float64))
    if np.isnan(found).any():
        return ()
    return tuple(
        Point(at_s=at, entries=round(float(each))) for at, each in zip(MOMENTS_S, found, strict=True)
    )


def _changed(before: Course, picked: Pick) -> Course:
    """The course under what a remedy sets."""
    arguments = picked.advice.arguments
    settings = _settings(picked.remedy, arguments)
    if settings:
        return before.under(before.conditions.under(settings)) if before.conditions else before
    if "service" not in arguments:
        return before
    address = arguments.get("address")
    service = Service(str(arguments["service"]), None if address is None else str(address))
    if picked.remedy == "notrack":
        return before.without(service)
    if picked.remedy == "timeout-policy" and "established" in arguments:
        return before.kept(service, int(arguments["established"]))
    return before


def _settings(remedy: str, arguments: Mapping[str, str | int]) -> dict[str, int]:
    """Sysctls, by name without prefix, that a remedy sets."""
    match remedy:
        case "raise-limit":
            return {LIMIT: int(arguments["limit"])}
        case "shorten-established":
            return {timeouts.ESTABLISHED: int(arguments["established"])}
        case "cap-unacknowledged":
            return {
                timeouts.UNACKNOWLEDGED: int(arguments["unacknowledged"]),
                timeouts.MAX_RETRANS: int(arguments["max_retrans"]),
            }
        case "strict-pickup":
            return {LOOSE: 0}
        case "advice" if "value" in arguments:
            return {timeouts.CLOSE_WAIT: int(arguments["value"])}
    return {}

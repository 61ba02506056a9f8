"""The answer put together: one table, as it is and as it would be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from halftrack.diagnosis import forecast, makeup
from halftrack.diagnosis.conditions import CAPS, Conditions, Service
from halftrack.evidence.sysctls import LIMIT, LOOSE, MAX_RETRANS, PREFIX
from halftrack.tcp import timeouts
from halftrack.whatif import sweeping
from halftrack.whatif.cutting import Cutting
from halftrack.whatif.document import Ahead, Point, WhatIf
from halftrack.whatif.words import full

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.arrivals import Pace
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.course import Course
    from halftrack.diagnosis.makeup import Makeup
    from halftrack.diagnosis.view import View
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.whatif.watching import Watched
    from halftrack.whatif.words import Asked, Rule

_EARLY_S: Final = (60, 300, 600, 1_800, 3_600)
"""Moments that are looked at beside the even ones: much is decided in the first hour."""
_EVEN: Final = 60
_PACES: Final[tuple[Pace, ...]] = ("slow", "likely", "fast")
_SECOND: Final = "the same table once more, an hour or more later: --from FIRST --from SECOND"


@dataclass(frozen=True, slots=True)
class Seen:
    """One table and the cases found in it. ``watched``: what came of it since an earlier moment."""

    view: View
    cases: Sequence[Case]
    watched: Watched | None = None
    rules: Ruleset | None = None


def answer(seen: Seen, asked: Asked, horizon_s: int) -> WhatIf:
    """What ``asked`` would do to a table that was read, over so many seconds."""
    view, watched = seen.view, seen.watched
    made = makeup.of(view, seen.cases, watched.rates if watched else None)
    drawing = Drawing(horizon_s, _cut_short(view), watched)
    before = made.course.conditions or Conditions.of(view)
    then, course = changed(made.course, before, asked)
    cut = Cutting(view, seen.cases, before, seen.rules)
    lost = cut.by(then, asked.rules)
    ahead, today = drawing.ahead(course), drawing.ahead(made.course)
    growth, basis = _growth(made, watched, view)
    sweep = None
    if asked.sweep is not None:
        trying = sweeping.Trying(course, then, cut, asked.rules, drawing)
        sweep = trying.sweep(asked.sweep)
    return WhatIf(
        node=view.evidence.node,
        netns=view.netns,
        kernel=view.evidence.kernel,
        taken_at=view.evidence.taken_at,
        source=view.evidence.source,
        settings=dict(asked.shown),
        before={full(name): _before(name, before) for name in _named(asked)},
        horizon_s=horizon_s,
        entries=forecast.level(view),
        limit=view.table.limit,
        growth=growth,
        basis=basis,
        points=ahead.points,
        full_at_s=ahead.full_at_s,
        full_low_s=ahead.full_low_s,
        full_high_s=ahead.full_high_s,
        never_full=ahead.never_full,
        settles_at=ahead.settles_at,
        settles_low=ahead.settles_low,
        settles_high=ahead.settles_high,
        settled_at_s=ahead.settled_at_s,
        today=today,
        live_flows_lost=lost.lost,
        live_flows=lost.flows,
        picked_up=lost.picked_up,
        sweep=sweep,
        assumed=_assumed(view, before),
        needs=_needs(view, made, watched, ahead),
        notes=_notes(view, before, asked),
    )


def changed(course: Course, before: Conditions, asked: Asked) -> tuple[Conditions, Course]:
    """What would hold, and how the table would go on then."""
    then = before.under(asked.settings)
    after = course.under(then)
    for rule in asked.rules:
        service = Service(rule.service, rule.address)
        after = after.without(service) if rule.established is None else after.kept(service, rule.established)
    return then, after


@dataclass(frozen=True, slots=True)
class Drawing:
    """A course as points and moments. ``cut_short``: entries are missing, so all that is seen is a least."""

    horizon_s: int
    cut_short: bool
    watched: Watched | None

    def ahead(self, course: Course) -> Ahead:
        at_s = np.unique(
            np.concatenate(
                [np.linspace(0, self.horizon_s, _EVEN + 1).round(), [0.0], np.array(_EARLY_S, float)]
            )
        )
        at_s = at_s[at_s <= self.horizon_s]
        low, likely, high = (course.at(at_s, pace) for pace in _PACES)
        if self.watched is not None:
            low, high = self.watched.widened(at_s, low, high)
        if course.limit:
            high = np.fmin(high, np.fmax(course.limit, likely))
        points = tuple(
            Point(at_s=int(at), entries=self.told(mid), low=_number(least), high=self.told(most))
            for at, mid, least, most in zip(at_s, likely, low, high, strict=True)
        )
        until_s = max(2 * course.settling_s, float(self.horizon_s))
        full = {pace: self._full_s(course, until_s, pace) for pace in _PACES}
        settled_s = course.settled_s()
        return Ahead(
            points=points,
            full_at_s=full["likely"],
            full_low_s=full["fast"],
            full_high_s=full["slow"],
            never_full=self._never(course, full),
            settles_at=self.told(course.settles_at()),
            settles_low=_number(course.settles_at("slow")),
            settles_high=self.told(course.settles_at("fast")),
            settled_at_s=None if settled_s is None or self.cut_short else round(settled_s),
        )

    def told(self, entries: float | None) -> int | None:
        """A number of entries that may be said: none where entries are missing."""
        return None if self.cut_short else _number(entries)

    def full_s(self, course: Course) -> int | None:
        return self._full_s(course, max(2 * course.settling_s, float(self.horizon_s)), "likely")

    def _full_s(self, course: Course, until_s: float, pace: Pace) -> int | None:
        if not course.limit or (self.cut_short and pace != "slow"):
            return None
        found = course.full_s(course.limit, until_s, pace)
        return None if found is None else round(found)

    def _never(self, course: Course, full: Mapping[Pace, int | None]) -> bool | None:
        """Whether it never fills, as far as can be told."""
        if not course.limit:
            return None if course.conditions is None or course.conditions.limit is None else True
        if self.cut_short or course.settles_at() is None:
            return None
        return full["likely"] is None


def _number(entries: float | None) -> int | None:
    return None if entries is None or np.isnan(entries) else round(float(entries))


def _cut_short(view: View) -> bool:
    return view.evidence.input.truncated or view.evidence.input.visible < 1


def _growth(
    made: Makeup, watched: Watched | None, view: View
) -> tuple[Literal["measured", "inferred", "unknown"], str]:
    if watched is not None and watched.interval_s and (watched.rates or not made.growing):
        return "measured", watched.basis
    if made.doubt is not None:
        return "unknown", made.doubt
    if not made.growing:
        return "inferred", "nothing piles up, and what is in use is taken to stay as many"
    return "inferred", forecast.forecast(view, tuple(made.growing.values())).basis


def _named(asked: Asked) -> list[str]:
    names = list(asked.settings)
    return names if asked.sweep is None else [*names, asked.sweep.setting]


def _before(name: str, today: Conditions) -> int | None:
    """A setting as it is, or as the kernel has it from the start."""
    if name == LIMIT:
        return today.limit
    if name == LOOSE:
        return int(today.loose)
    return today.max_retrans if name == MAX_RETRANS else today.timeouts.get(name)


def _assumed(view: View, today: Conditions) -> dict[str, str]:
    """What the answer rests on and nobody has read: TCP's longest times, and what was said by hand."""
    caps = () if today.clamps is False else CAPS
    names = (timeouts.ESTABLISHED, *caps)
    unread = {
        PREFIX + name: f"{today.timeouts.values[name]} (default)"
        for name in names
        if name in today.timeouts.assumed
    }
    return {**unread, **view.evidence.input.assumed}


def _needs(view: View, made: Makeup, watched: Watched | None, ahead: Ahead) -> tuple[str, ...]:
    """What would tell what cannot be told now."""
    needs: list[str] = []
    if _cut_short(view):
        needs.append("the whole table: conntrack -L, or cat /proc/net/nf_conntrack")
    if made.doubt is not None and watched is None:
        needs.append(_SECOND)
    if view.evidence.kernel is None and view.clamps is None:
        needs.append("uname -r: whether the kernel cuts one-sided entries short")
    if view.table.limit is None:
        needs.append("sysctl net.netfilter.nf_conntrack_max")
    if ahead.settles_at is not None:
        needs = [each for each in needs if each is not _SECOND]
    return tuple(needs)


def _has(view: View, rule: Rule) -> bool:
    matches = Service(rule.service, rule.address).matches(view.opaque)
    return bool(view.flows.lazy().select(matches.any()).collect().item())


def _notes(view: View, before: Conditions, asked: Asked) -> tuple[str, ...]:
    notes = list(view.evidence.input.notes)
    same = [name for name, value in asked.settings.items() if _before(name, before) == value]
    notes += [f"{full(name)} is {asked.settings[name]} already" for name in same]
    notes += [
        f"no entry of this table belongs to {rule.service}" for rule in asked.rules if not _has(view, rule)
    ]
    capping = [name for name in CAPS if name in _named(asked)]
    if before.under(asked.settings).clamps is False and capping:
        notes.append(
            f"this kernel does not cut one-sided entries short: {' and '.join(capping)} is for others alone"
        )
    if (
        before.max_retrans != asked.settings.get(MAX_RETRANS, before.max_retrans)
        and asked.settings[MAX_RETRANS]
    ):
        notes.append(
            "which entries a count of retransmissions shortens cannot be told from a table:"
            " they are taken to stay"
        )
    if LIMIT in asked.settings and view.table.limit == 0:
        notes.append("this table has no limit today")
    return tuple(notes)

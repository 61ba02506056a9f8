"""When a table is full, and where it settles, as far as one dump can tell.

The stuck entries of every case expire and arrive as ``growth`` says; what is not stuck is taken to
stay as it is. The sum over time is looked at for two lifetimes: after the first, none of today's
entries is left, and the level of the second is where the table settles.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis import words
from halftrack.diagnosis.arrivals import Pace, Rate, Steps
from halftrack.diagnosis.course import LONGEST_S, Course, Drift
from halftrack.diagnosis.document import Forecast
from halftrack.diagnosis.growth import Growth, growth
from halftrack.diagnosis.symptoms import sockets, volume

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.view import View

_UNTOLD: Final = 0.1
"""Share of the stuck entries whose growth may be unknown in a forecast that is given."""
PASSING_S: Final = 300
"""Entries that last no longer than this are replaced all the time: they are part of the level."""
_ALMOST: Final = 0.99


def grown(cases: Sequence[Case]) -> dict[str, Growth]:
    """How each of the cases of one table comes and goes, by symptom; without those that do not pile up."""
    return {case.symptom: growth(case) for case in cases if case.rows.height and not rests(case)}


def forecast(view: View, cases: Sequence[Growth], drift: Drift | None = None) -> Forecast:
    """Of one table and the cases found in it; of some cases alone, as if the rest stayed as it is.

    ``drift``: what the rest did since an earlier moment, where that was measured.

    ``full_at`` is None where the table settles below its limit, has none, or where that cannot be
    told; ``basis`` says which. ``low`` and ``high`` are the earliest and the latest moment by the
    spread that the entries themselves show; ``high`` is None where at the slow end it never fills, and
    ``low`` stands alone where only the fast end does.
    """
    if view.table.flows is None:
        return _full(view, Forecast(told=False, basis="the entries were not read"))
    told = [each for each in cases if each.told]
    lead = max(told, key=lambda each: (each.arrivals is not None, each.entries), default=None)
    why_not = doubt(view, cases)
    if why_not is not None or (lead is None and drift is None):
        shape = "unknown" if lead is None else lead.shape
        told_of = view.table.limit is not None and (why_not is None or _is_little(view, cases))
        basis = why_not or "nothing is stuck that grows"
        return _full(view, Forecast(told=told_of, shape=shape, basis=basis))
    outlook = _Outlook.of(level(view), told, drift)
    return _full(view, _ahead(view, outlook, lead))


def rests(case: Case) -> bool:
    """Open connections at rest, most of which have a living socket: they do not pile up."""
    if case.symptom != "idle-established":
        return False
    return 2 * sockets.of_case(case) >= case.rows.height


def doubt(view: View, grown: Sequence[Growth]) -> str | None:
    """Why nothing can be foretold; None where something can."""
    if view.evidence.input.visible < 1:
        return f"only {words.percent(view.evidence.input.visible)} of the table is seen"
    if view.evidence.input.truncated:
        return "the dump is cut short: it does not show how many are missing"
    lasting = [each for each in grown if (each.lifetime_s or PASSING_S + 1) > PASSING_S]
    stuck = sum(each.entries for each in lasting)
    untold = sum(each.entries for each in lasting if not each.told)
    brief = max((each for each in lasting if each.too_brief), key=lambda each: each.entries, default=None)
    if untold > _UNTOLD * stuck:
        timeless = all(each.lifetime_s is None for each in lasting if not each.told)
        if timeless:
            timed = sum(each.timed for each in lasting)
            known = f"only {timed:,}" if timed else "none"
            return f"of {known} of these {stuck:,} entries is it known when they were last heard"
        return "the stuck entries are too few or came too unevenly to tell a pace from one dump"
    if brief is not None and brief.entries > _UNTOLD * stuck:
        return (
            f"an entry stays {words.duration(brief.lifetime_s or 0)} and none is older than"
            f" {words.duration(brief.seen_s)}: whether more will come cannot be told from so short a time"
        )
    return None


def _is_little(view: View, grown: Sequence[Growth]) -> bool:
    """Whether all was seen, and what may grow is so small a part of the limit that it is everyday life."""
    given, limit = view.evidence.input, view.table.limit
    if given.visible < 1 or given.truncated or limit is None:
        return False
    return limit == 0 or sum(each.entries for each in grown) < volume.OF_LIMIT * limit


def level(view: View) -> int:
    """Entries now, without those whose time is over."""
    if view.table.count is None:
        return view.flows.height
    return max(view.table.count - (view.table.expired or 0), 0)


@dataclass(frozen=True, slots=True)
class _Outlook:
    """The table over two lifetimes of its cases."""

    course: Course
    cases: Sequence[Growth]
    horizon_s: float

    @classmethod
    def of(cls, level: int, told: Sequence[Growth], drift: Drift | None) -> _Outlook:
        lifetime_s = max((each.lifetime_s or 0 for each in told), default=0)
        until_s = max(2 * lifetime_s, 0 if drift is None else drift.seconds)
        return cls(Course.of_growths(level, told, drift), told, min(until_s, LONGEST_S))

    def full_s(self, limit: int, pace: Pace) -> float | None:
        """Seconds until the limit is reached; None: not within two lifetimes."""
        return self.course.full_s(limit, self.horizon_s, pace)


def _ahead(view: View, outlook: _Outlook, lead: Growth | None) -> Forecast:
    """``lead`` None: nothing grows but what is not stuck."""
    limit, taken_at = view.table.limit, view.evidence.taken_at
    window_s = outlook.horizon_s if lead is None else _window_s(lead)
    now, then = outlook.course.at(np.array([0.0, window_s]))
    settles_at = round(then) if lead is None else round(outlook.course.settles_at() or 0)
    basis = "; ".join(filter(None, (_basis(lead) if lead else None, _drifts(outlook.course.drift))))
    if lead is not None and len(outlook.cases) > 1:
        others = sum(each.entries for each in outlook.cases) - lead.entries
        basis += f"; {words.count(others, 'other stuck entry', 'other stuck entries')} counted in"
    likely = low = high = None
    if limit is None:
        basis += "; the limit is not known"
    elif limit > 0:
        likely = outlook.full_s(limit, "likely")
        if likely is None:
            low = outlook.full_s(limit, "fast")
            basis += _below(settles_at, limit, low)
        else:
            low, high = outlook.full_s(limit, "fast"), outlook.full_s(limit, "slow")
            if high is None:
                basis += "; at its slowest it never fills the table"
    if likely is not None and taken_at is None:
        basis += f"; full {words.duration(round(likely))} after the dump, whose date is not known"
    return Forecast(
        told=limit is not None and (likely is None or taken_at is not None),
        shape="unknown" if lead is None else lead.shape,
        net_per_minute=round(float(then - now) * 60 / window_s, 2),
        full_at=_at(taken_at, likely),
        low=_at(taken_at, low),
        high=_at(taken_at, high),
        settles_at=settles_at,
        basis=basis,
    )


def _below(settles_at: int, limit: int, fastest_s: float | None) -> str:
    if fastest_s is not None:
        return f"; at its fastest it would fill the table in {words.duration(round(fastest_s))}"
    return f"; that stays below the limit, at {words.percent(settles_at / limit)}"


def _window_s(lead: Growth) -> float:
    """The time over which growth is averaged: one interval of steps, else a fair part of a lifetime.

    Never a few seconds of a short one: by how many more come than go is then mere chance.
    """
    if isinstance(lead.arrivals, Steps):
        return max(lead.arrivals.interval_s("likely"), lead.arrivals.next_s("likely") + 1)
    lifetime_s = lead.lifetime_s or 1
    return max(lifetime_s / 24, min(lifetime_s, 3600.0))


def _basis(lead: Growth) -> str:
    keeps = f"each stays {words.duration(lead.lifetime_s or 0)}"
    over = words.duration(lead.seen_s)
    if isinstance(lead.arrivals, Steps):
        steps = lead.arrivals
        least, most = min(steps.sizes), max(steps.sizes)
        sizes = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        every = words.duration(round(steps.interval_s("likely")))
        due = words.duration(round(steps.next_s("likely")))
        when = "due now" if steps.next_s("likely") < 60 else f"due in {due}"
        return f"{len(steps.sizes)} steps of {sizes} entries, one every {every}, the next {when}; {keeps}"
    if isinstance(lead.arrivals, Rate):
        return _of_rate(lead.arrivals, lead.shape, over, keeps)
    if lead.shape == "burst":
        return f"one burst {over} ago and nothing since; {keeps}"
    return f"steps that have come to an end; {keeps}"


def _of_rate(rate: Rate, shape: str, over: str, keeps: str) -> str:
    pace = f"{words.pace(rate.likely * 60)} a minute"
    if rate.measured_s is not None:
        return f"{pace}, measured between two moments {words.duration(rate.measured_s)} apart; {keeps}"
    if rate.lately_s is not None:
        before = words.pace(rate.slow * 60)
        return f"{pace} for the last {words.duration(rate.lately_s)}, {before} before; {keeps}"
    if shape == "falling":
        return f"ever fewer over {over}, lately {pace}; {keeps}"
    return f"{pace} over {over}; {keeps}; what is not stuck is taken to stay as it is"


def _drifts(drift: Drift | None) -> str | None:
    if drift is None:
        return None
    what = "more" if drift.per_s > 0 else "fewer"
    pace = words.pace(abs(drift.per_s) * 60)
    return (
        f"of what is not stuck {pace} {what} a minute, measured over {words.duration(drift.seconds)}"
        " and carried on for as long"
    )


def _full(view: View, ahead: Forecast) -> Forecast:
    """A table that is full now is full now, whatever comes."""
    table, taken_at = view.table, view.evidence.taken_at
    if table.count is None or not table.limit or table.count < _now_full(view):
        return ahead
    return Forecast(
        shape=ahead.shape,
        net_per_minute=ahead.net_per_minute,
        full_at=taken_at,
        low=taken_at,
        high=taken_at,
        settles_at=ahead.settles_at,
        basis=f"the table is full now; {ahead.basis}",
    )


def _now_full(view: View) -> float:
    """Entries at which the table counts as full: a little less where it refuses connections."""
    limit, readings = view.table.limit or 0, view.table.counters
    refuses = len(readings) > 1 and readings[-1].values.get("drop") != readings[0].values.get("drop")
    return _ALMOST * limit if refuses else limit


def _at(taken_at: datetime | None, seconds: float | None) -> datetime | None:
    if taken_at is None or seconds is None:
        return None
    try:
        return taken_at + timedelta(seconds=round(seconds))
    except OverflowError:
        return None

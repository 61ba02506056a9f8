"""table-flush: the table was emptied, or tracking began, while connections went on.

What went on was picked up in mid-stream, all in the same short time, and nothing in the table is
older.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import entries, shape, timeline
from halftrack.diagnosis.causes import facts, one_way
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause, Timeline

_ALSO: Final = 0.05
"""Share of the rest of a table: what has come since had its handshake seen."""
_CROWD: Final = 100
_OLDER: Final = 60
"""Seconds by which stamps of one moment may differ."""


def weigh(case: Case) -> Cause | None:
    if case.symptom not in {"one-sided", "idle-established", "orphaned"}:
        return None
    origin = pl.col("origin")
    known = facts.share(case.rows, origin.is_not_null())
    picked = facts.share(case.rows, origin == "pick-up")
    if not picked or picked < 0.5 * known:
        return None
    stamped = case.rows.column("age_s").count() > 0
    drawn = timeline.made(case.rows, case.view) if stamped else case.timeline
    when = shape.shape(drawn)
    clock = facts.TIMELINE[drawn.clock] if drawn else facts.clock_of(case)
    return conclude(
        "table-flush",
        0.05,
        (
            Clue("share picked up in mid-stream", round(picked, 2), facts.FLAGS, 0.3),
            _in_one_moment(drawn, clock) if when == "burst" else None,
            Clue("they did not come in one moment", when, clock, -0.6)
            if when in {"steady", "steps", "falling"}
            else None,
            _others_too(case),
            one_way.goes_on(case, -0.5) if one_way.concerned(case) else None,
            _before_boot(case),
            _nothing_older(case),
        ),
        ("the log of that moment: a flush, a failover, a restart of the firewall",),
    )


def _in_one_moment(drawn: Timeline | None, clock: str) -> Clue:
    """A queue that empties, too, lets go of some at once: it takes many, and quiet afterwards, to tell."""
    over_s = one_way.over_s(drawn)
    if over_s < one_way.QUIET_S:
        return Clue("they came in one moment, seconds ago", over_s, clock, 0.2)
    if sum(drawn.entries if drawn else ()) < _CROWD:
        return Clue("they came in one moment, and were not many: seconds ago", over_s, clock, 0.3)
    return Clue("they came in one moment, and none since: seconds", over_s, clock, 0.4, own=True)


def _others_too(case: Case) -> Clue | None:
    """What lives on was picked up as well: not these connections alone had lost their entries."""
    others = entries.connected() & pl.col("origin").is_not_null() & ~pl.lit(case.rows.mask)
    known, picked = (
        case.view.flows.lazy()
        .select(
            known=others.fill_null(value=False).sum(),
            picked=(others & (pl.col("origin") == "pick-up")).fill_null(value=False).sum(),
        )
        .collect()
        .row(0)
    )
    if known < facts.MANY or picked < facts.MANY:
        return None
    share = picked / known
    what = f"share of {known:,} answered connections beside these that were picked up in mid-stream, too"
    # On a busy node most of those that are there have come since.
    return (
        Clue(what, round(share, 2), facts.FLAGS, max(0.6 * share, 0.35), own=True) if share >= _ALSO else None
    )


def _before_boot(case: Case) -> Clue | None:
    """Whose clock is off by days has not told a moment either."""
    idle_s = case.rows.column("idle_s").max()
    if not isinstance(idle_s, int) or not timeline.before_boot(idle_s, case.view):
        return None
    return Clue(timeline.BEFORE_BOOT, idle_s, facts.TIMELINE["timeout"], -0.5)


def _nothing_older(case: Case) -> Clue | None:
    here = case.rows.column("age_s").max()
    table = case.view.flows.get_column("age_s")
    oldest = table.max()
    if not isinstance(here, int) or not isinstance(oldest, int) or table.null_count():
        return None
    if oldest > here + _OLDER:
        return Clue("entries of the table that are older", oldest, facts.STAMPS, -0.7)
    return Clue("nothing in the table is older than they are", here, facts.STAMPS, 0.2)

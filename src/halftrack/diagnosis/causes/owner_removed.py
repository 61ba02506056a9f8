"""owner-removed: a container, process or pod went away and its connections stayed behind.

Who is killed or removed sends no FIN that the tracker could see. All of an owner's connections fall
silent in the same moment, so its restarts show as steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.causes import facts, frozen, one_way, silence
from halftrack.diagnosis.causes.weighing import Clue, conclude
from halftrack.diagnosis.entries import connected
from halftrack.diagnosis.rows import MarkedRows
from halftrack.diagnosis.symptoms import sockets
from halftrack.evidence.flows import select

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_START: Final = {"orphaned": 0.1, "stale-nat": 0.1, "idle-established": 0.05}
_AT_ONCE: Final = {"orphaned": 0.8, "stale-nat": 0.5, "idle-established": 0.4}


def weigh(case: Case) -> Cause | None:
    if case.symptom not in _START:
        return None
    return conclude(
        "owner-removed",
        _START[case.symptom],
        (
            _nobody_there(case),
            _at_once(case),
            _one_owner(case),
            _alive(case),
            _others_live(case),
            frozen.doubt(case),
            _never_answered(case),
        ),
        (
            None
            if case.symptom != "idle-established" or facts.sockets_read(case)
            else "the owner's sockets: ss -tan in its namespace",
            "when the owner was started: its runtime's log",
        ),
    )


def _nobody_there(case: Case) -> Clue | None:
    if case.symptom == "orphaned":
        return Clue(f"of {case.rows.height:,} entries with a socket", 0, facts.SOCKETS, 0.5)
    if case.symptom == "stale-nat":
        return Clue(
            "entries translated to an address that nobody has any more",
            case.rows.height,
            "addresses of every namespace",
            0.7,
            own=True,
        )
    return None


def _never_answered(case: Case) -> Clue | None:
    """A removed owner leaves connections; of what was never answered none was there to be left."""
    if case.symptom == "stale-nat" or not one_way.concerned(case):
        return None
    alone = facts.share(case.rows, pl.col("one_sided"))
    return Clue("share that was never answered", round(alone, 2), facts.entries_of(case.view), -0.4)


def _at_once(case: Case) -> Clue | None:
    fell = silence.of(case)
    if fell.at_once:
        what = f"last heard in {fell.moments}, quiet in between"
        return Clue(what, fell.shape, fell.source, _AT_ONCE[case.symptom], own=True)
    if fell.one_by_one:
        return Clue("last heard one by one, not at once", fell.shape, fell.source, -0.4)
    return None


def _one_owner(case: Case) -> Clue | None:
    if case.rows.height < facts.MANY:
        return None
    most = facts.top_share(case.rows.sample("local_hi", "local_lo"))
    if most < facts.MOSTLY:
        return None
    return Clue("share of one address of ours", round(most, 2), facts.entries_of(case.view), 0.1)


def _alive(case: Case) -> Clue | None:
    alive = facts.with_socket(case) if case.symptom == "idle-established" else 0
    return (
        Clue("share of the entries whose socket lives", round(alive, 2), facts.SOCKETS, -0.9 * alive)
        if alive
        else None
    )


def _others_live(case: Case) -> Clue | None:
    """Other connections of the same service at the same owner that have their socket.

    One that is older than the moment outlived it, and so did its process. The others may have come
    since: after a restart clients come back.
    """
    fell = silence.of(case)
    if case.symptom != "orphaned" or not fell.at_once:
        return None
    # Of whom no owner is known is told apart by the address.
    ends = case.rows.sample("local_hi", "local_lo").unique().rows()
    same = pl.col("owner").is_not_null() | sockets.at_any(ends)
    for column in ("service", "owner"):
        same &= pl.col(column).is_in(case.rows.column(column).unique().implode(), nulls_equal=True)
    others = MarkedRows.of(
        case.view.flows,
        select(case.view.flows, (connected() & same).fill_null(value=False)).to_series() & ~case.rows.mask,
    )
    if not sockets.covered(case.view, others):
        return None
    moment_s = case.rows.select(pl.col("idle_s").min()).item()
    older = others.count(pl.col("age_s").fill_null(pl.col("idle_s")) > moment_s)
    if older:
        what = "connections of the same service that outlived the moment, with a socket"
        return Clue(what, older, facts.SOCKETS, -0.7)
    if fell.shape == "steps":
        return None
    what = "connections of the same service, with a socket: they may have come since"
    return Clue(what, others.height, facts.SOCKETS, -0.4)

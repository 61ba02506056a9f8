"""hooks-off: the last rule that asked for tracking is gone, and with it the tracker's hooks.

A firewall was stopped or flushed. Entries stay as they were at that moment, for as long as they had left;
their connections go on and end, and the tracker sees none of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.causes import facts, frozen, one_way
from halftrack.diagnosis.causes.weighing import Clue, conclude

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

_CONCERNED: Final = frozenset({"orphaned", "idle-established"})
"""What goes on without the tracker; all others were made while it was at work."""


def weigh(case: Case) -> Cause | None:
    if (
        case.symptom not in _CONCERNED
        or one_way.concerned(case)
        or case.view.features.hooks_on_demand is False
    ):
        return None
    if frozen.asked(case):
        return None
    off = frozen.unasked(case)
    spoken = frozen.outspoken(case)
    if not off and (spoken is None or not spoken[1]):
        return None
    return conclude(
        "hooks-off",
        0.05,
        (
            Clue(
                f"rules that ask for tracking{frozen.named(case)}, without which this kernel does none",
                0,
                frozen.RULES.format(case.view.netns),
                0.7,
                own=True,
            )
            if off
            else None,
            _unheard(case) if off else None,
            _outspoken(spoken),
            _events(case),
        ),
        (
            None if off else "whether a rule asks for tracking: nft list ruleset; iptables-save",
            "when the last such rule went: the log of the firewall",
            None
            if spoken or case.symptom == "orphaned"
            else "whether their sockets hear anything: ss -ti at the owner",
        ),
    )


def _unheard(case: Case) -> Clue | None:
    youngest = frozen.youngest_s(case)
    if youngest is None:
        return None
    where = f"{facts.entries_of(case.view)}, timeout clock"
    if youngest <= frozen.JUST_NOW_S:
        return Clue(
            "seconds since a connection of this table was heard: it is not frozen", youngest, where, -0.7
        )
    return Clue(f"no connection of this table was heard for {words.duration(youngest)}", youngest, where, 0.2)


def _outspoken(spoken: tuple[int, int] | None) -> Clue | None:
    if spoken is None:
        return None
    known, later = spoken
    if not later:
        return Clue("sockets that heard something after their entries did", 0, facts.SOCKETS, 0)
    what = f"share of {known:,} sockets that heard something after their entries did"
    share = later / known
    return Clue(what, round(share, 2), facts.SOCKETS, 0.6 * share)


def _events(case: Case) -> Clue | None:
    events = case.view.table.events
    if events is None or not frozen.whole(case):
        return None
    if events.new:
        what = f"entries that began within {events.seconds:g} s: the tracker is at work"
        return Clue(what, events.new, facts.EVENTS, -0.9)
    return Clue(f"entries that began within {events.seconds:g} s", 0, facts.EVENTS, 0.1)

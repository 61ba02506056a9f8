"""What a packet would do to an entry, as the tracker says when it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import msgspec

from halftrack.diagnosis.explained import origins
from halftrack.diagnosis.explained.document import ENDS, Afterwards, Outcome, Packet, Prospect, Verdict
from halftrack.evidence import uapi
from halftrack.tcp import histories, prospects, rules
from halftrack.tcp.table import ORIGINAL, REPLY
from halftrack.tcp.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halftrack.tcp.entry import Entry
    from halftrack.tcp.histories import History
    from halftrack.tcp.settings import Rulebook
    from halftrack.tcp.tracker import Step


@dataclass(frozen=True, slots=True)
class _Case:
    """An outcome, of which history, and whether the entry went on by it."""

    outcome: Outcome
    history: History
    carries_on: bool


def of_tcp(
    book: Rulebook, found: Sequence[History], options: tuple[bytes, bytes]
) -> tuple[tuple[Prospect, ...], tuple[Packet, ...]]:
    """What each packet that either end may send would do, and those that carry the entry on.

    ``found``: those that the entry may have, the likeliest first.
    """
    next_ones, awaited = [], []
    for direction in (ORIGINAL, REPLY):
        for kind in prospects.KINDS:
            cases = [_case(book, history, direction, kind, options[direction]) for history in found]
            packet = Packet(by=ENDS[direction], kind=kind)
            next_ones.append(Prospect(packet=packet, outcomes=tuple(_told_apart(cases))))
            if cases[0].carries_on and kind not in (prospects.RST, *prospects.ODD):
                awaited.append(packet)
    return tuple(next_ones), tuple(awaited)


def after_tcp(book: Rulebook) -> tuple[Afterwards, ...]:
    """What the first packet does once the entry is gone."""
    found = []
    for kind in prospects.OPENING:
        tracker = Tracker(book.profile, book.settings)
        step = tracker.tcp(0.0, *histories.ENDS, prospects.first(kind).segment)
        entry = tracker.connection(*histories.ENDS)
        found.append(Afterwards(kind=kind, outcome=outcome(step, entry, state=name(step.new))))
    return tuple(found)


def outcome(step: Step, entry: Entry | None, *, state: str | None) -> Outcome:
    """A step of the tracker as the document has it. ``entry``: what is there afterwards."""
    status = entry.status if entry is not None else 0
    why = rules.EVENTS[step.event]
    if step.rule is not None and step.rule not in (rules.BY_STATE, rules.SINGLE):
        why += f"; {rules.TIMEOUTS[step.rule]}"
    return Outcome(
        event=step.event,
        verdict=cast("Verdict", step.verdict),
        state=state,
        seen_reply=bool(status & uapi.IPS_SEEN_REPLY),
        assured=bool(status & uapi.IPS_ASSURED),
        gone=entry is None,
        timeout_s=step.timeout,
        rule=step.rule,
        why=why,
    )


def name(state: int) -> str | None:
    """Of a TCP state; None for none."""
    return uapi.TCP_STATES[state] if 0 < state < len(uapi.TCP_STATES) else None


def _case(book: Rulebook, history: History, direction: int, kind: str, options: bytes) -> _Case:
    packet = prospects.following(history.entry, direction, kind, options, ends=history.ends)
    step, entry = histories.after(book, history.entry, direction, packet)
    before = history.entry
    moved = entry is not None and (entry.state, entry.status) != (before.state, before.status)
    followed = step.event != rules.IGNORED
    return _Case(outcome(step, entry, state=name(step.new)), history, moved and followed)


def _told_apart(cases: Iterable[_Case]) -> list[Outcome]:
    """Outcomes that differ in what they come to; with the history of each where there are several."""
    different: dict[tuple[object, ...], list[_Case]] = {}
    for case in cases:
        different.setdefault(_effect(case.outcome), []).append(case)
    several = len(different) > 1
    return [
        msgspec.structs.replace(
            alike[0].outcome,
            origins=tuple(dict.fromkeys(origins.way(case.history) for case in alike)),
            history=origins.told(alike[0].history) if several else None,
        )
        for alike in different.values()
    ]


def _effect(found: Outcome) -> tuple[object, ...]:
    return (found.verdict, found.state, found.seen_reply, found.assured, found.gone, found.timeout_s)

"""Silent connections whose sockets nobody can see: not removed, only given less time.

Each gets what a keepalive needs to speak (``MAY_LIVE_S``) and goes if it does not; one that speaks has
the whole established timeout again. Nothing is given less than that, and what has less is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import words
from halftrack.diagnosis.document import Advice, Effect, Risk
from halftrack.diagnosis.entries import translated
from halftrack.diagnosis.rows import MarkedRows
from halftrack.diagnosis.symptoms import sockets
from halftrack.diagnosis.symptoms.idle_established import quiet_s
from halftrack.draining.fates import MAY_LIVE_S
from halftrack.evidence.flows import select
from halftrack.remedies import parts, removal, shorten_established
from halftrack.remedies.entry_filters import pair_of
from halftrack.remedies.live import Live
from halftrack.remedies.shell import Addresses, comment
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import Group
    from halftrack.diagnosis.view import View
    from halftrack.remedies.parts import Part
    from halftrack.remedies.situation import Situation

SYMPTOM: Final = "idle-established"
_LEFT: Final = r"s/^tcp +6 +([0-9]+) ESTABLISHED .*/\1/p"
"""Seconds left out of a line of ``conntrack -G``."""


def selected(situation: Situation, groups: Sequence[Group]) -> tuple[Part, ...]:
    """What may be given less time: connections with more left, at ends whose sockets were not read."""
    view, rows = situation.view, situation.rows
    if view is None or rows is None or not shorten_established.helps(situation):
        return ()
    longer = select(rows.flows, (pl.lit(rows.mask) & (pl.col("timeout") > MAY_LIVE_S)).fill_null(value=False))
    marked = MarkedRows.of(rows.flows, longer.to_series())
    unseen = [group for group in groups if _unseen(group, marked, view)]
    return tuple(parts.parts(marked, unseen, view))


def _unseen(group: Group, rows: MarkedRows, view: View) -> bool:
    """Whether nobody has read the sockets of a group's end: those that were read are alive."""
    pair = pair_of(group.address, view.opaque) if group.address else None
    if pair is None:
        return False
    members = select(rows.flows, (pl.lit(rows.mask) & parts.of_group(group, pair)).fill_null(value=False))
    return not sockets.covered(view, MarkedRows.of(rows.flows, members.to_series()))


def advise(situation: Situation, groups: Sequence[Group], *, remedy: str, chosen: str) -> Advice | None:
    """``groups``: those that get commands; ``remedy`` and ``chosen``: slug and filter to be told."""
    view = situation.view
    found = selected(situation, groups)
    if view is None or not found:
        return None
    lifetime = view.timeouts.values[timeouts.ESTABLISHED]
    entries = sum(part.entries for part in found)
    all_entries = situation.finding.entries
    spelled = Addresses()
    loops = [
        command
        for part in found
        for command in _commands(situation, part, spelled, silent_below_s=lifetime - quiet_s(view))
    ]
    return Advice(
        remedy=remedy,
        kind="clear",
        title=(
            f"would leave {entries:,} of {all_entries:,} silent connections {words.duration(MAY_LIVE_S)}"
            f" to speak, instead of up to {words.duration(lifetime)}"
        ),
        arguments={"filter": chosen, "timeout": MAY_LIVE_S},
        effect=Effect(),
        risk=_risk(situation, entries),
        commands=(*spelled.assignments, *loops),
    )


def _risk(situation: Situation, entries: int) -> Risk:
    nat = 0 if situation.rows is None else situation.rows.count(translated())
    why = [
        "frees nothing at once; what speaks until then has its whole time again",
        (
            f"one that lives and says nothing for {words.duration(MAY_LIVE_S)} more loses its entry: cut"
            " where it is translated or rules want it known"
        ),
        f"one by one, in about {removal.pace(situation, entries)}",
    ]
    left = situation.finding.entries - entries
    if left:
        why.append(f"{left:,} more go sooner, have a socket, or are in smaller groups: left as they are")
    return Risk(
        level=shorten_established.level(Live(entries, (), nat), situation),
        why=tuple(why),
        live_flows_affected=entries,
    )


def _commands(situation: Situation, part: Part, spelled: Addresses, *, silent_below_s: int) -> list[str]:
    """``silent_below_s``: with as much left, or more, an entry has spoken lately and is left alone."""
    test = (
        f"left=$({removal.entry(situation, part)} |\n"
        f"        sed -nE '{_LEFT}') &&\n"
        f'      [ "${{left:-0}}" -gt {MAY_LIVE_S} ] && [ "$left" -lt {silent_below_s} ]'
    )
    return [
        comment(f"{part.entries:,} connections of {part.group.service}, each only if it is silent still"),
        removal.each_again(situation, part, spelled, test, f"-U --timeout {MAY_LIVE_S}"),
    ]

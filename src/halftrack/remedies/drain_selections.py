"""A finding's entries as filters of conntrack(8), for a node on which nothing else can drain."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.symptoms.idle_established import quiet_s
from halftrack.evidence import uapi
from halftrack.evidence.flows import select
from halftrack.plans.actions import Selection
from halftrack.remedies import parts, removal, retiming, setting_actions
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Literal

    from halftrack.plans.actions import Where
    from halftrack.remedies.parts import Part
    from halftrack.remedies.situation import Situation

_UNANSWERED: Final = ("one-sided", "stale-nat")
_ORPHANED: Final = "orphaned"


def selections(situation: Situation) -> tuple[Selection, ...]:
    """One for each group, family and state that a proof of death is known for; the largest groups alone."""
    view, rows = situation.view, situation.rows
    if view is None or rows is None:
        return ()
    groups = situation.finding.groups
    if situation.finding.symptom == retiming.SYMPTOM:
        return tuple(_silent(situation, part) for part in retiming.selected(situation, groups))
    return tuple(_dead(situation, parts.parts(rows, groups, view)))


def _silent(situation: Situation, part: Part) -> Selection:
    view = situation.view
    assert view is not None  # noqa: S101  # there are parts of it
    below = view.timeouts.values[timeouts.ESTABLISHED] - quiet_s(view)
    return _selection(situation, part, "silent", silent_below_s=below)


def _dead(situation: Situation, found: Iterator[Part]) -> Iterator[Selection]:
    symptom = situation.finding.symptom
    for part in found:
        if symptom in _UNANSWERED:
            yield _selection(situation, part, "unanswered")
        elif symptom == _ORPHANED:
            inside = removal.holder(situation, part.group) if part.group.side != "forwarded" else None
            if inside is not None:
                where = setting_actions.where(inside, situation.evidence)
                yield _selection(situation, part, "no-socket", sockets=where)


def _selection(
    situation: Situation,
    part: Part,
    proof: Literal["unanswered", "no-socket", "silent"],
    *,
    sockets: Where | None = None,
    silent_below_s: int | None = None,
) -> Selection:
    chosen = part.chosen
    return Selection(
        family="ipv6" if chosen.family == uapi.AF_INET6 else "ipv4",
        protocol=uapi.PROTOCOL_NAMES.get(chosen.l4proto, str(chosen.l4proto)),
        state=None if chosen.state is None else uapi.TCP_STATES[chosen.state],
        address_at=chosen.address_column,  # type: ignore[arg-type]  # one of the four stems
        address=chosen.address,
        port_at=chosen.port_column,  # type: ignore[arg-type]  # likewise, or none
        port=chosen.port,
        entries=part.entries,
        others=part.others,
        proof=proof,
        sockets=sockets or setting_actions.where(situation.table, situation.evidence),
        silent_below_s=silent_below_s,
        longest_s=_longest(situation, part),
    )


def _longest(situation: Situation, part: Part) -> int | None:
    """What the last of the part's entries has left, seconds."""
    rows = situation.rows
    assert rows is not None  # noqa: S101  # the part was cut out of them
    left = pl.col("timeout").filter(part.chosen.expression() & pl.lit(rows.mask)).max()
    longest = select(rows.flows, left).item()
    return None if longest is None else int(longest)

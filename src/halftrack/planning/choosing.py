"""The remedies that fit one finding: at most one relief, one cure and one clearing, and why no others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis.words import percent
from halftrack.planning import reasons
from halftrack.planning.picks import Choice, Pick, left_out, pick
from halftrack.remedies import cap_unacknowledged, retiming
from halftrack.remedies.preference import slug
from halftrack.remedies.situation import PRESSURE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.remedies.situation import Situation


def clears(situation: Situation) -> Choice:
    """What is stuck, where some of it would go. Silent connections that may live are left alone."""
    advice = next((each for each in situation.finding.remedies if each.remedy == "drain"), None)
    if advice is None:
        return Choice()
    found = pick(situation, advice)
    if situation.finding.symptom == retiming.SYMPTOM:
        why = f"{advice.risk.live_flows_affected or 0:,} silent connections may live: asked for by name only"
        return Choice(left=(left_out(advice, situation, why),))
    if found is None:
        why = "they last minutes, and go by themselves"
        return Choice(left=(left_out(advice, situation, why),))
    if found.clearing is None or not found.clearing.freed + found.clearing.needed:
        why = (found.clearing.why_not if found.clearing else None) or "none of them is proven dead"
        return Choice(left=(left_out(advice, situation, why),))
    return Choice(picks=(found,))


def cures(situation: Situation, *, drained: bool) -> Choice:
    """``drained``: the plan clears entries of this namespace, so strict pick-up has to wait."""
    offered = {slug(advice): advice for advice in situation.finding.remedies if advice.kind == "cure"}
    ready = {name: found for name, advice in offered.items() if (found := pick(situation, advice))}
    chosen = _cures(situation, ready, drained=drained)
    left = [
        left_out(name, situation, why)
        for name, why in reasons.cures_left(situation, offered, chosen, drained=drained)
    ]
    return Choice(chosen, tuple(left))


def _cures(situation: Situation, ready: Mapping[str, Pick], *, drained: bool) -> tuple[Pick, ...]:
    """``ready``: by slug, best first. The best; and the next, where the best is for a part of the entries."""
    fit = [found for name, found in ready.items() if _by_itself(name, found, drained=drained)]
    part = fit and fit[0].remedy == cap_unacknowledged.REMEDY
    rest = 1 - cap_unacknowledged.unanswered(situation) if part else 0.0
    return tuple(fit[: 2 if rest > 1 - cap_unacknowledged.NEARLY_ALL else 1])


def _by_itself(name: str, found: Pick, *, drained: bool) -> bool:
    """Whether a plan may choose it that nobody asked to hold it."""
    if name == "strict-pickup":
        return not drained and found.advice.risk.live_flows_affected == 0
    return name != "notrack"


def reliefs(situation: Situation, clearings: Sequence[Pick]) -> Choice:
    """Room where the table drops, or where clearing does not make enough of it."""
    picks: list[Pick] = []
    left = []
    for advice in situation.finding.remedies:
        if advice.kind != "relief":
            continue
        found = pick(situation, advice)
        if found is None:
            continue
        why = None if found.remedy == "syncookies" else _room_enough(situation, clearings)
        if why is None:
            picks.append(found)
        else:
            left.append(left_out(advice, situation, why))
    return Choice(tuple(picks), tuple(left))


def _room_enough(situation: Situation, clearings: Sequence[Pick]) -> str | None:
    """Why no more room is needed; None where it is."""
    summary = situation.summary
    if situation.drops or summary is None or not summary.limit or summary.entries is None:
        return None
    freed = sum(
        found.clearing.freed
        for found in clearings
        if found.clearing is not None and found.situation.table is situation.table
    )
    share = max(summary.entries - freed, 0) / summary.limit
    if share >= PRESSURE:
        return None
    if freed:
        return f"nothing is dropped, and after clearing the table is {percent(share)} full"
    return f"nothing is dropped, and the table is {percent(share)} full"

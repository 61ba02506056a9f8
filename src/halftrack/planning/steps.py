"""One step of a plan, from what was picked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import Risk
from halftrack.draining.fates import MAY_LIVE_S
from halftrack.evidence.values import HOST
from halftrack.planning import wording
from halftrack.plans.actions import AddRules, ByHand, Drain, Persist, SetSysctl
from halftrack.plans.document import Step

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.planning.clearing import Clearing
    from halftrack.planning.masks import Variables
    from halftrack.planning.picks import Pick
    from halftrack.plans.actions import Action
    from halftrack.plans.document import Effect

_LEAST: Final = words.duration(MAY_LIVE_S)
_REASONS: Final = 2
_ONCE_MORE: Final = "each is looked at again right before its turn: what spoke or has a socket is left"


def step(picked: Pick, effect: Effect, variables: Variables, *, also: tuple[str, ...] = ()) -> Step:
    """``also``: ids of further findings that it is for."""
    actions = tuple(variables.without_masks(action) for action in picked.actions)
    advice = picked.advice
    return Step(
        remedy=picked.remedy,
        kind=advice.kind,
        title=f"{_title(picked).rstrip('.')}{_place(actions)}",
        target=wording.target(actions),
        before=wording.before(actions),
        after=wording.after(actions),
        undo=wording.undo(actions),
        verify=wording.verify(actions),
        effect=effect,
        risk=advice.risk if picked.clearing is None else _drain_risk(picked, picked.clearing),
        finding=picked.finding.id if picked.finding else None,
        actions=actions,
        notes=_notes(picked, also),
    )


def _place(actions: Sequence[Action]) -> str:
    """The namespaces that are changed, where it is not the host's alone."""
    places = dict.fromkeys(
        action.where.netns for action in actions if isinstance(action, (SetSysctl, AddRules, Drain))
    )
    return "" if set(places) <= {HOST} else f", in {', '.join(places)}"


def _title(picked: Pick) -> str:
    told = picked.clearing
    if told is None:
        return picked.advice.title
    expected = sum(drain.expected or 0 for drain in picked.drains)
    if told.needed > told.freed:
        return f"drain {_of(told.needed, expected)} that never had an answer, {_LEAST} left to each"
    if not told.freed:
        return f"{expected:,} silent connections left {_LEAST} to speak"
    proof = {"orphaned": "whose socket is gone", "one-sided": "that never had an answer"}
    which = proof.get(picked.situation.finding.symptom, "that are dead")
    return f"drain {_of(told.freed, expected)} {which}, {picked.drains[0].seconds} s left to each"


def _of(number: int, expected: int) -> str:
    return f"{number:,} entries" if number == expected else f"{number:,} of {expected:,} entries"


def _drain_risk(picked: Pick, told: Clearing) -> Risk:
    why = [_ONCE_MORE]
    spared = told.spared - told.needed
    if told.needed:
        why += _needed(told)
    elif picked.situation.finding.symptom == "one-sided" and picked.situation.rules is None:
        why.append(f"where rules of this node may need what never was answered, it is left {_LEAST} instead")
    if spared:
        why.append(f"{spared:,} may live and are left {_LEAST} at least; what stays silent then goes")
    if picked.situation.evidence.input.truncated:
        why.append("the table was not read whole: more entries may match")
    return Risk(level="medium" if spared else "low", why=tuple(why), live_flows_affected=spared)


def _needed(told: Clearing) -> list[str]:
    """Why what never was answered is left longer: by the rules, where somebody read them."""
    if not told.why:
        return [f"rules here may need what never was answered: it is left {_LEAST}, and then goes"]
    commonest = sorted(told.why.items(), key=lambda each: -each[1])[:_REASONS]
    return [
        f"{number:,} are left {_LEAST}, and then go: without its entry {reason}"
        for reason, number in commonest
    ]


def _notes(picked: Pick, also: tuple[str, ...]) -> tuple[str, ...]:
    notes = []
    changes = [action for action in picked.actions if not isinstance(action, (ByHand, Persist))]
    kept = wording.kept(picked.actions)
    if kept is not None:
        notes.append(f"kept over reboot: {kept}")
    elif changes and not picked.drains:
        notes.append("not kept over reboot: it goes with its namespace")
    if also:
        notes.append(f"also for {', '.join(also)}")
    return tuple(notes)

"""The plan put together: what is picked, each setting once, in order, with its effect."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from halftrack import remedies
from halftrack.diagnosis.document import KINDS
from halftrack.errors import UsageError
from halftrack.evidence.values import HOST, KUBE_PROXY
from halftrack.planning import asked, choosing, steps
from halftrack.planning.effects import Effects
from halftrack.planning.masks import Variables
from halftrack.planning.picks import Choice, Pick
from halftrack.plans.actions import AddRules, ByHand, Drain, Persist, SetBuckets, SetSysctl
from halftrack.plans.document import NotChosen, Plan, identified
from halftrack.remedies import place

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from halftrack.diagnosis.case import Examined
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence
    from halftrack.planning.wanted import Wanted
    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation


def make(
    evidence: Evidence,
    examined: Examined,
    wanted: Sequence[Wanted] = (),
    *,
    unmanaged: bool = False,
    rules: Mapping[str, Ruleset] = MappingProxyType({}),
    made_at: datetime | None = None,
    machine: str | None = None,
) -> Plan:
    """See ``planning.make``."""
    if unmanaged:
        managers = tuple(each for each in evidence.firewall.managers if each != KUBE_PROXY)
        evidence = replace(evidence, firewall=replace(evidence.firewall, managers=managers))
    advised = remedies.advised(examined.diagnosis, evidence, examined.cases, rules)
    choice = _wanted(wanted, advised, evidence, rules) if wanted else _default(advised.situations)
    ordered = sorted(choice.picks, key=_place)
    _check_strict(ordered)
    single = _each_once(ordered, strictly=bool(wanted))
    effects = Effects(examined.cases)
    variables = Variables(stand_ins=evidence.input.masked == "substituted")
    made = tuple(
        steps.step(draft.pick, effects.of(draft.pick), variables, also=tuple(draft.also)) for draft in single
    )
    diagnosis = advised.diagnosis
    plan = Plan(
        node=diagnosis.node,
        machine=machine,
        kernel=diagnosis.kernel,
        made_at=made_at,
        taken_at=diagnosis.taken_at,
        source=diagnosis.source,
        complete=diagnosis.complete,
        verdict=diagnosis.verdict,
        steps=made,
        not_chosen=_without_chosen(choice.left, single),
        variables=variables.shown,
        notes=_notes(diagnosis, rules),
    )
    return identified(plan)


def _default(situations: Sequence[Situation]) -> Choice:
    return _of_findings([each for each in situations if each.finding.severity != "info"])


def _of_findings(situations: Sequence[Situation], clearing_too: Iterable[str] = ()) -> Choice:
    """``clearing_too``: namespaces in which something else of the plan clears entries."""
    clears = [choosing.clears(each) for each in situations]
    cleared = [found for choice in clears for found in choice.picks]
    places = {_settings_of(found.situation) for found in cleared} | set(clearing_too)
    whole = Choice()
    for situation, clear in zip(situations, clears, strict=True):
        whole += choosing.reliefs(situation, cleared)
        whole += choosing.cures(situation, drained=_settings_of(situation) in places)
        whole += clear
    return whole


def _wanted(
    wanted: Sequence[Wanted], advised: remedies.Advised, evidence: Evidence, rules: Mapping[str, Ruleset]
) -> Choice:
    situations = advised.situations
    named = [asked.finding(each, situations) for each in wanted if each.remedy is None]
    picks: tuple[Pick, ...] = ()
    left: tuple[NotChosen, ...] = ()
    for each in wanted:
        if each.remedy is not None:
            found = asked.remedy(each, situations, evidence, advised.diagnosis, rules)
            picks += found
            left += () if found else (NotChosen(remedy=each.remedy, why="it is so already"),)
    places = {_settings_of(found.situation) for found in picks if found.drains}
    # What is named goes before what is chosen for a finding, where both set the same.
    return Choice(picks, left) + _of_findings(list({id(each): each for each in named}.values()), places)


def _place(picked: Pick) -> tuple[int, int]:
    slugs = [each.REMEDY for each in remedies.REMEDIES]
    return KINDS.index(picked.advice.kind), slugs.index(picked.remedy)


def _settings_of(situation: Situation) -> str:
    """The namespace that has the settings which hold for a table's entries."""
    return HOST if place.settings_are_global(situation.evidence) else situation.table.netns


def _check_strict(picks: Sequence[Pick]) -> None:
    """Raise UsageError where strict pick-up would stand in one plan with a drain of its namespace."""
    strict = {_settings_of(found.situation) for found in picks if found.remedy == "strict-pickup"}
    if any(_settings_of(found.situation) in strict for found in picks if found.drains):
        raise UsageError(
            "strict-pickup and drain do not go into one plan: what is drained by mistake comes back by"
            " pick-up alone; plan drain first, and strict-pickup once it is through"
        )


@dataclass
class _Draft:
    """A step in the making; ``also``: ids of further findings that it is for."""

    pick: Pick
    also: list[str]


def _each_once(picks: Sequence[Pick], *, strictly: bool) -> list[_Draft]:
    """What several findings call for is done once. Raises UsageError where two wanted values differ."""
    drafts: list[_Draft] = []
    taken: dict[tuple[str, ...], tuple[Action, _Draft]] = {}
    for picked in picks:
        new: list[Action] = []
        first: _Draft | None = None
        draft = _Draft(picked, [])
        for action in picked.actions:
            key = _key(action)
            if key is None or key not in taken:
                new.append(action)
                if key is not None:
                    taken[key] = (action, draft)
                continue
            other, holder = taken[key]
            if strictly and _value(other) != _value(action):
                raise UsageError(f"{key[-1]} is wanted as {_value(other)} and as {_value(action)}: name one")
            first = first or holder
        if any(not isinstance(action, (Persist, ByHand)) or not first for action in new):
            draft.pick = replace(picked, actions=tuple(new))
            drafts.append(draft)
        elif first is not None and picked.finding is not None:
            first.also.append(picked.finding.id)
    return drafts


def _key(action: Action) -> tuple[str, ...] | None:
    """What two actions have in common that cannot both be done."""
    match action:
        case SetSysctl():
            return ("sysctl", action.where.netns, action.name)
        case SetBuckets():
            return ("hashsize",)
        case AddRules():
            rule = action.rule
            kind = type(rule).__name__
            protocol = getattr(rule, "protocol", "tcp")
            return (kind, action.where.netns, str(rule.address), f"{protocol}/{rule.port}")
        case Drain():
            return ("drain", action.where.netns, " ".join(action.filter))
        case ByHand():
            return ("by hand", action.manager, *action.lines)
        case Persist():
            return None


def _value(action: Action) -> object:
    match action:
        case SetSysctl() | SetBuckets():
            return action.after
        case AddRules():
            return getattr(action.rule, "timeouts", None)
    return None


def _without_chosen(left: Sequence[NotChosen], drafts: Sequence[_Draft]) -> tuple[NotChosen, ...]:
    """Each once, and none that the plan takes for the same service after all."""
    chosen = {(draft.pick.remedy, _service(draft.pick)) for draft in drafts}
    node_wide = {remedy for remedy, service in chosen if service is None}
    seen: dict[tuple[str, str | None], NotChosen] = {}
    for each in left:
        if (each.remedy, each.service) not in chosen and each.remedy not in node_wide:
            seen.setdefault((each.remedy, each.service), each)
    return tuple(seen.values())


def _service(picked: Pick) -> str | None:
    """The service that a step is for; None where it is for the whole namespace."""
    if not any(isinstance(action, (AddRules, Drain)) for action in picked.actions):
        return None
    groups = picked.situation.finding.groups
    return groups[0].service if groups else None


def _notes(diagnosis: Diagnosis, rules: Mapping[str, Ruleset]) -> tuple[str, ...]:
    notes = [f"rules of {netns} not read: {what}" for netns, found in rules.items() for what in found.unread]
    if not diagnosis.complete:
        notes.append("not the whole picture was seen: see halftrack doctor")
    if diagnosis.source != "live":
        notes.append("made from a file: on the node every value is looked at again before it is changed")
    return tuple(notes)

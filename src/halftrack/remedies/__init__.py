"""Remedies as advice: what would help, what it would do here, and what it would break.

One file per remedy, named as its slug. Each looks at one finding and gives an ``Advice`` or
None; adding one touches this list alone. Order within a finding: relief (stops the drops), cure
(stops the growth), clear (what is stuck).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Protocol

import msgspec

from halftrack.diagnosis.document import KINDS
from halftrack.diagnosis.view import view
from halftrack.remedies import (
    advice,
    cap_unacknowledged,
    drain,
    notrack,
    raise_limit,
    shorten_established,
    strict_pickup,
    syncookies,
    timeout_policy,
)
from halftrack.remedies.live import LiveEntries
from halftrack.remedies.preference import rank, slug
from halftrack.remedies.situation import Situation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Advice, Diagnosis, Finding, TableSummary
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence, Table
    from halftrack.plans.actions import Action

_WORKERS: Final = 2


class Remedy(Protocol):
    """What each file of a remedy provides."""

    REMEDY: str

    def advise(self, situation: Situation) -> Advice | None:
        """The remedy for this finding, or None where it does not fit."""
        ...


REMEDIES: Final[tuple[Remedy, ...]] = (
    raise_limit,
    syncookies,
    cap_unacknowledged,
    shorten_established,
    advice,
    timeout_policy,
    strict_pickup,
    notrack,
    drain,
)
"""Those of one kind are shown in this order; cures by preference."""


@dataclass(frozen=True, slots=True)
class Advised:
    """A diagnosis with its remedies, and what each of them was told: a situation a finding, in order."""

    diagnosis: Diagnosis
    situations: tuple[Situation, ...]


def advise(diagnosis: Diagnosis, evidence: Evidence, cases: Sequence[Case] | None = None) -> Diagnosis:
    """The diagnosis with every finding's remedies filled in.

    ``cases``: what the findings were made of; worked out again where they are not given.
    """
    return advised(diagnosis, evidence, cases).diagnosis


def advised(
    diagnosis: Diagnosis,
    evidence: Evidence,
    cases: Sequence[Case] | None = None,
    rules: Mapping[str, Ruleset] = MappingProxyType({}),
) -> Advised:
    """The same, with the situations: for who goes on from the advice to what is to be done.

    ``rules``: by namespace, where somebody read them.
    """
    if not diagnosis.findings:
        return Advised(diagnosis, ())
    if cases is None:
        from halftrack.diagnosis import cases as find_cases  # noqa: PLC0415  # it pulls in polars

        cases = find_cases(evidence)
    found = situations(diagnosis.findings, diagnosis.tables, evidence, cases, rules)
    with ThreadPoolExecutor(_WORKERS) as pool:  # Polars lets others run
        findings = tuple(pool.map(with_remedies, found))
    told = tuple(replace(each, finding=new) for each, new in zip(found, findings, strict=True))
    return Advised(msgspec.structs.replace(diagnosis, findings=findings), told)


def named(slug: str) -> Remedy | None:
    """The remedy of this slug."""
    return next((each for each in REMEDIES if slug == each.REMEDY), None)


def actions(situation: Situation, advice: Advice) -> tuple[Action, ...] | None:
    """What the advice would do, as a plan's actions; empty where all is so already.

    None for a remedy that is advice alone. What was handed over to another manager is its
    remedy's still.
    """
    found = named(slug(advice))
    act = getattr(found, "actions", None)
    return None if act is None else tuple(act(situation, advice))


def with_remedies(situation: Situation) -> Finding:
    """The finding, and all that would help."""
    found = [fit for each in REMEDIES if (fit := each.advise(situation)) is not None]
    if situation.frozen:
        found = [fit for fit in found if fit.kind != "cure"]  # nothing grows there
    found.sort(key=lambda fit: (KINDS.index(fit.kind), rank(fit) if fit.kind == "cure" else ()))
    return msgspec.structs.replace(situation.finding, remedies=tuple(found))


def situations(
    findings: Sequence[Finding],
    summaries: Sequence[TableSummary],
    evidence: Evidence,
    cases: Sequence[Case],
    rules: Mapping[str, Ruleset] = MappingProxyType({}),
) -> list[Situation]:
    """One for each finding whose table there is. ``findings``: worst first."""
    live: dict[str, LiveEntries] = {}
    pressed = {
        netns_of(finding, evidence, _case(finding, cases))
        for finding in findings
        if finding.symptom == "table-pressure"
    }
    found = []
    for finding in findings:
        case = _case(finding, cases)
        netns = netns_of(finding, evidence, case)
        table = case.view.table if case else _table(netns, evidence)
        if table is None:
            continue
        seen = case.view if case else None
        if seen is None and netns not in live and finding.symptom == "settings" and table.flows is not None:
            seen = view(table, evidence)  # it says whom a changed setting would touch
        if seen is not None and netns not in live:
            dead = [
                other.rows.mask
                for other in cases
                if other.symptom == "orphaned" and other.view.netns == netns
            ]
            live[netns] = LiveEntries(seen, dead, rules.get(netns))
        found.append(
            Situation(
                finding=finding,
                table=table,
                evidence=evidence,
                summary=_summary(netns, summaries),
                view=case.view if case else None,
                rows=case.rows if case else None,
                live=live.get(netns),
                first_of_table=netns not in pressed,
                rules=rules.get(netns),
            )
        )
        pressed.add(netns)
    return found


def _case(finding: Finding, cases: Sequence[Case]) -> Case | None:
    """The case that a finding was made of: its symptom's, in the namespace of its groups."""
    same = [case for case in cases if case.symptom == finding.symptom]
    namespaces = {group.netns for group in finding.groups}
    return next((case for case in same if case.view.netns in namespaces or len(same) == 1), None)


def netns_of(finding: Finding, evidence: Evidence, case: Case | None = None) -> str:
    """The namespace whose table it speaks of."""
    if case is not None:
        return case.view.netns
    known = finding.groups or _table(finding.netns, evidence) or not evidence.tables
    return finding.netns if known else evidence.tables[0].netns


def _table(netns: str, evidence: Evidence) -> Table | None:
    return next((table for table in evidence.tables if table.netns == netns), None)


def _summary(netns: str, tables: Sequence[TableSummary]) -> TableSummary | None:
    return next((table for table in tables if table.netns == netns), None)

"""The one place where symptoms, times, causes and forecast are put together."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
import polars as pl

from halftrack.diagnosis import (
    asking,
    beginnings,
    causes,
    forgotten,
    gaps,
    grouping,
    hearing,
    logged,
    sources,
    verdict,
)
from halftrack.diagnosis.case import Case, Examined
from halftrack.diagnosis.document import Diagnosis, Finding, Input
from halftrack.diagnosis.forecast import forecast, grown
from halftrack.diagnosis.occupancy import summary
from halftrack.diagnosis.rows import MarkedRows
from halftrack.diagnosis.shape import shape
from halftrack.diagnosis.since import comparing
from halftrack.diagnosis.standing import Standing, standing
from halftrack.diagnosis.symptoms import CONDITIONS, ENTRY_SYMPTOMS, one_sided
from halftrack.diagnosis.symptoms.forgotten import both_ways
from halftrack.diagnosis.timeline import timeline
from halftrack.diagnosis.view import View, view
from halftrack.evidence import sysctls, uapi
from halftrack.evidence.flows import FEW
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from halftrack.diagnosis.document import Forecast, Gap, TableSummary
    from halftrack.diagnosis.growth import Growth
    from halftrack.diagnosis.since.comparing import Earlier, Watched
    from halftrack.evidence.values import Evidence

Settle: TypeAlias = "Callable[[Sequence[Finding], Sequence[Case], TableSummary], Sequence[Finding]]"
"""What is made of the findings among one table's entries while their cases are there."""
_WORKERS: Final = 2
_WORST_FIRST: Final = ("critical", "warning", "info")
_SYMPTOMS: Final = {symptom.slug: symptom for symptom in ENTRY_SYMPTOMS}
_CONDITIONS: Final = frozenset(condition.slug for condition in CONDITIONS)


def cases(evidence: Evidence) -> tuple[Case, ...]:
    """See ``diagnosis.cases``."""
    seen = (view(table, evidence) for table in evidence.tables if table.flows is not None)
    return tuple(case for each in seen for case in cases_of(each))


def examine(evidence: Evidence, earlier: Earlier | None = None, settle: Settle | None = None) -> Examined:
    """See ``diagnosis.examine``."""
    watched: list[Watched] = []
    summaries: list[TableSummary] = []
    found: list[Finding] = []
    every: list[Case] = []
    untold: list[Gap] = []
    assumed = dict(evidence.input.assumed)
    in_log = logged.full(evidence)
    for table in evidence.tables:
        seen = view(table, evidence, None if earlier is None else comparing.gave_s(earlier, evidence, table))
        of_table = cases_of(seen)
        growing, drift = grown(of_table), None
        if earlier is not None and table.flows is not None:
            lifetimes = {symptom: each.lifetime_s for symptom, each in growing.items()}
            watched.append(comparing.watched(earlier, evidence, table, of_table, lifetimes))
            if watched[-1].measured is not None:
                growing = watched[-1].measured.applied(growing, of_table)
                drift = watched[-1].measured.drift
        ahead = forecast(seen, tuple(growing.values()), drift)
        stuck = None if table.flows is None else sum(_stuck(case) for case in of_table)
        heard = hearing.heard(table, evidence)
        counted = msgspec.structs.replace(
            summary(seen),
            forecast=ahead,
            stuck=stuck,
            heard=heard,
            sockets=forgotten.sides(table, evidence),
            logged=in_log.get(table.netns),
        )
        stand = standing(counted, seen.flows.height, evidence.taken_at)
        summaries.append(counted)
        of_entries = [
            both_ways(each, counted.sockets) if each.symptom == "orphaned" else each
            for each in _findings(of_table, stand, growing, ahead)
        ]
        assumed |= _assumed(seen, of_table)
        untold += gaps.of_entries(table, evidence)
        if settle is None:
            every.extend(of_table)
            found += of_entries
        else:
            found += settle(of_entries, of_table, counted)
    for condition in CONDITIONS:
        found += (sources.of_condition(each, evidence) for each in condition.find(evidence, summaries))
    ranked = tuple(_named_apart(sorted(found, key=rank)))
    unseen = (*gaps.of(evidence, untold), *gaps.of_sockets(summaries, evidence))
    complete = gaps.complete(evidence, unseen)
    severity = _severity(ranked)
    focus = verdict.focus(evidence, summaries, ranked)
    diagnosis = Diagnosis(
        node=evidence.node,
        kernel=evidence.kernel,
        taken_at=evidence.taken_at,
        source=evidence.source,
        severity=severity,
        complete=complete,
        verdict=verdict.sentence(evidence, focus, ranked),
        focus=None if focus is None else focus.netns,
        input=_input(evidence, assumed),
        tables=tuple(summaries),
        findings=ranked,
        gaps=unseen,
        in_container=evidence.in_container,
        user=evidence.user,
        seconds=evidence.seconds,
        sources=sources.of_values(evidence, ranked),
    )
    if earlier is not None:
        found_since = comparing.since(earlier, evidence, diagnosis, watched)
        diagnosis = msgspec.structs.replace(diagnosis, since=found_since)
    return Examined(msgspec.structs.replace(diagnosis, ask=asking.ask(diagnosis)), tuple(every))


def cases_of(seen: View) -> tuple[Case, ...]:
    """The cases of one table, in order of precedence."""
    found: list[Case] = []
    for symptom, rows in _chosen(seen):
        line = timeline(rows, seen)
        found.append(Case(symptom, seen, rows, line, shape(line)))
    return tuple(found)


def rows_of(seen: View, symptom: str) -> MarkedRows | None:
    """The rows of one case, where nothing else of it is wanted; None where there is no such case."""
    return dict(_chosen(seen, last=symptom)).get(symptom)


def _chosen(seen: View, last: str | None = None) -> Iterator[tuple[str, MarkedRows]]:
    """Symptoms that matter and their rows, in order of precedence; none after ``last``."""
    if seen.flows.is_empty():
        return
    slugs = [symptom.slug for symptom in ENTRY_SYMPTOMS]
    asked = ENTRY_SYMPTOMS if last is None else ENTRY_SYMPTOMS[: slugs.index(last) + 1]
    choices = {symptom.slug: symptom.choose(seen) for symptom in asked}
    exprs = {slug: choice for slug, choice in choices.items() if isinstance(choice, pl.Expr)}
    masks = seen.flows.lazy().select(**exprs).collect()
    free = pl.repeat(value=True, n=seen.flows.height, dtype=pl.Boolean, eager=True)
    for symptom in asked:
        choice = choices[symptom.slug]
        if choice is None:
            continue
        mask = masks[symptom.slug] if isinstance(choice, pl.Expr) else choice
        mask = mask.fill_null(value=False) & free
        rows = MarkedRows.of(seen.flows, mask)
        if symptom.matters(rows.height, seen):
            free &= ~mask
            yield symptom.slug, rows


def _findings(
    cases: Sequence[Case], stand: Standing, growing: Mapping[str, Growth], ahead: Forecast
) -> list[Finding]:
    """What is to be said of each case; of many entries side by side: numpy and Polars let others run.

    ``ahead``: the forecast of all of them together.
    """

    def of(case: Case) -> Finding:
        grows = growing.get(case.symptom)
        alone = ahead if len(cases) == 1 else forecast(case.view, (grows,) if grows else ())
        return _finding(case, stand, grows, alone)

    if all(case.view.flows.height <= FEW for case in cases):
        return [of(case) for case in cases]
    with ThreadPoolExecutor(_WORKERS) as pool:
        return list(pool.map(of, cases))


def _finding(case: Case, stand: Standing, grows: Growth | None, alone: Forecast) -> Finding:
    """``alone``: the forecast of this case's entries, the rest of the table left as it is."""
    seen = case.view
    entries = case.rows.height
    account = _SYMPTOMS[case.symptom].describe(case, stand, alone)
    groups, more = grouping.groups(case.rows, seen, grows.paced if grows else None)
    at, first_lines = sources.of_rows(case)
    return Finding(
        id="/".join((case.symptom, *grouping.label(groups[0]))) if groups else case.symptom,
        symptom=case.symptom,
        severity=account.severity,
        title=account.title,
        entries=entries,
        share=round(stand.share(entries), 4),
        explanation=account.explanation,
        groups=groups,
        more_groups=more,
        began=beginnings.began(case.rows),
        timeline=case.timeline,
        forecast=alone,
        enabled_by=account.enabled_by,
        causes=sources.of_causes(causes.weigh_all(case), case, at),
        at=at,
        first_lines=first_lines,
    )


def _stuck(case: Case) -> int:
    """See ``document.TableSummary``."""
    if case.symptom == "orphaned":
        return case.rows.height
    return one_sided.lasting(case) if case.symptom == "one-sided" else 0


def _assumed(seen: View, found: Iterable[Case]) -> dict[str, str]:
    """Timeouts that the times of these cases rest on and that nobody has read."""
    names: set[str] = set()
    for case in found:
        pairs = case.rows.lazy().filter(pl.col("idle_s").is_not_null()).select("l4proto", "state").unique()
        for l4proto, state in pairs.collect().iter_rows():
            if l4proto == uapi.IPPROTO_TCP:
                names.add(timeouts.TCP_STATE_TIMEOUTS.get(state, ""))
            elif l4proto == uapi.IPPROTO_UDP:
                names.add(timeouts.UDP)
    return {
        sysctls.PREFIX + name: f"{seen.timeouts.values[name]} (default)"
        for name in sorted(names & seen.timeouts.assumed)
    }


def rank(finding: Finding) -> tuple[int, bool, int, str]:
    """What findings are sorted by, worst first."""
    return (
        _WORST_FIRST.index(finding.severity),
        finding.symptom in _CONDITIONS,
        -finding.entries,
        finding.id,
    )


def _named_apart(findings: Sequence[Finding]) -> list[Finding]:
    """Findings of one name in several namespaces get the namespace into their id."""
    taken: set[str] = set()
    named: list[Finding] = []
    for finding in findings:
        name = finding.id
        if name in taken:
            name = f"{finding.id}@{finding.netns}"
            repeats = 2
            while name in taken:
                name = f"{finding.id}@{finding.netns}.{repeats}"
                repeats += 1
        taken.add(name)
        named.append(finding if name == finding.id else msgspec.structs.replace(finding, id=name))
    return named


def _severity(findings: Iterable[Finding]) -> Literal["ok", "warning", "critical"]:
    levels = {finding.severity for finding in findings}
    if "critical" in levels:
        return "critical"
    return "warning" if "warning" in levels else "ok"


def _input(evidence: Evidence, assumed: dict[str, str]) -> Input:
    given = evidence.input
    return Input(
        files=given.files,
        lines=given.lines,
        unreadable=given.unreadable,
        first_unreadable=given.first_unreadable,
        truncated=given.truncated,
        visible=given.visible,
        masked=given.masked,
        formats=given.formats,
        assumed=assumed,
        notes=given.notes,
    )

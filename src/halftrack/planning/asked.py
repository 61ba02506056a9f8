"""What was asked for by name: findings, and remedies with or without a finding that offers them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
import polars as pl

from halftrack import remedies
from halftrack.diagnosis.document import Advice, Finding
from halftrack.diagnosis.view import view
from halftrack.errors import UsageError
from halftrack.evidence.literals import literal
from halftrack.evidence.values import HOST, SELF
from halftrack.planning.picks import Pick, pick
from halftrack.planning.wanted import example
from halftrack.remedies.live import LiveEntries
from halftrack.remedies.preference import slug
from halftrack.remedies.situation import Situation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.document import Diagnosis
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence, Table
    from halftrack.planning.wanted import Wanted

NEEDED: Final = {
    "timeout-policy": ("service", "established"),
    "notrack": ("service", "address"),
}
"""What has to be said where no finding offers the remedy."""
_BEARS_ON: Final = {
    "shorten-established": ("one-sided", "orphaned", "idle-established"),
    "cap-unacknowledged": ("one-sided",),
    "strict-pickup": ("one-sided",),
    "timeout-policy": ("one-sided", "orphaned", "idle-established"),
}
"""Remedies of all TCP connections, and the symptoms of entries whose time they set."""


def finding(wanted: Wanted, situations: Sequence[Situation]) -> Situation:
    """The finding of this number or id. Raises UsageError where there is none."""
    if wanted.number is not None:
        if not 0 < wanted.number <= len(situations):
            raise UsageError(f"there is no finding {wanted.number}: {_count(situations)}")
        return situations[wanted.number - 1]
    for each in situations:
        if each.finding.id == wanted.finding:
            return each
    named = [each.finding.id for each in situations if each.finding.symptom == wanted.finding]
    if len(named) == 1:
        return next(each for each in situations if each.finding.id == named[0])
    raise UsageError(f"there is no finding {wanted.word!a} now: {_count(situations)}")


def _count(situations: Sequence[Situation]) -> str:
    if not situations:
        return "nothing was found"
    ids = ", ".join(ascii(each.finding.id)[1:-1] for each in situations[:5])
    return f"there are {len(situations)}: {ids}{', ...' if len(situations) > 5 else ''}"


def remedy(
    wanted: Wanted,
    situations: Sequence[Situation],
    evidence: Evidence,
    diagnosis: Diagnosis,
    rules: Mapping[str, Ruleset],
) -> tuple[Pick, ...]:
    """The remedy for every finding that offers it, or else for the namespace that is meant.

    Typed in a namespace that is not the node's, it is for that one alone: whoever works in a container
    does not mean the node. Empty where all that it would do is so already. Raises UsageError where it
    cannot be had.
    """
    name = str(wanted.remedy)
    if evidence.of_node:
        _check_address(wanted)
    offering = [
        (each, advice)
        for each in _within_reach(situations, evidence)
        for advice in each.finding.remedies
        if slug(advice) == name and _same_service(advice, wanted)
    ]
    told = [(each, _told(each, advice, wanted)) for each, advice in offering]
    if not offering:
        meant = _meant(wanted, situations, evidence, diagnosis, rules)
        told = [(meant, _unasked(meant, wanted))]
    if not hasattr(remedies.named(name), "actions"):
        raise UsageError(f"{name} cannot be planned here; done by hand: halftrack explain {name}")
    found = (pick(each, advice, asked=True) for each, advice in told)
    return tuple(each for each in found if each is not None)


def _within_reach(situations: Sequence[Situation], evidence: Evidence) -> Sequence[Situation]:
    if not any(table.netns == SELF and not table.skipped for table in evidence.tables):
        return situations
    return [each for each in situations if each.table.netns == SELF]


def _check_address(wanted: Wanted) -> None:
    """Raise UsageError for what is none: in a source it may be masked, on a running node nothing is."""
    address = wanted.arguments.get("address")
    if address is not None:
        try:
            literal(str(address))
        except ValueError:
            raise UsageError(f"{wanted.word!a}: {str(address)!a} is no address") from None


def _same_service(advice: Advice, wanted: Wanted) -> bool:
    asked = wanted.arguments.get("service")
    return asked is None or advice.arguments.get("service") == asked


def _told(situation: Situation, advice: Advice, wanted: Wanted) -> Advice:
    """The advice with the arguments that were given."""
    if not wanted.arguments:
        return advice
    proposed = _proposed(situation, wanted, {**advice.arguments, **wanted.arguments})
    if proposed is not None:
        return proposed
    arguments = {**advice.arguments, **wanted.arguments}
    return msgspec.structs.replace(advice, arguments=arguments, title=_title(wanted))


def _proposed(situation: Situation, wanted: Wanted, arguments: dict[str, str | int]) -> Advice | None:
    found: Any = remedies.named(str(wanted.remedy))
    if not hasattr(found, "propose"):
        return None
    advice: Advice | None = found.propose(situation, arguments)
    if advice is None:
        raise UsageError(f"{wanted.word}: nothing here would be more than it is now")
    return advice


def _unasked(situation: Situation, wanted: Wanted) -> Advice:
    """What no finding offers: with all that it needs said, it is planned all the same."""
    name = str(wanted.remedy)
    missing = [each for each in NEEDED.get(name, ()) if each not in wanted.arguments]
    if missing:
        told = f"say {' and '.join(missing)}, as in {example(name)}"
        raise UsageError(f"no finding here calls for {name}: {told}")
    proposed = _proposed(situation, wanted, dict(wanted.arguments))
    if proposed is not None:
        return proposed
    other = "; entries are chosen by halftrack drain FILTER" if name == "drain" else ""
    raise UsageError(f"no finding here calls for {name}{other}")


def _title(wanted: Wanted) -> str:
    told = ", ".join(f"{name} {value}" for name, value in wanted.arguments.items())
    return f"{wanted.remedy}: {told}" if told else str(wanted.remedy)


def _meant(
    wanted: Wanted,
    situations: Sequence[Situation],
    evidence: Evidence,
    diagnosis: Diagnosis,
    rules: Mapping[str, Ruleset],
) -> Situation:
    """Where it would be done, with the entries that it would bear on where there are some."""
    bare = _bare(evidence, diagnosis, rules)
    symptoms = _BEARS_ON.get(str(wanted.remedy), ())
    touched = [
        each
        for each in situations
        if each.table is bare.table and each.rows is not None and each.finding.symptom in symptoms
    ]
    service = wanted.arguments.get("service")
    return max(touched, key=lambda each: _entries(each, service), default=bare)


def _entries(situation: Situation, service: str | int | None) -> int:
    """Of the finding; of this service alone, where one is meant."""
    if service is None or situation.rows is None:
        return situation.finding.entries
    return situation.rows.count(pl.col("service") == service)


def _bare(evidence: Evidence, diagnosis: Diagnosis, rules: Mapping[str, Ruleset]) -> Situation:
    """The namespace that is meant where none is named: our own, else the host's, else the only one."""
    table = _table(evidence)
    seen = view(table, evidence) if table.flows is not None else None
    return Situation(
        finding=Finding(id="", symptom="settings", severity="info", title="", entries=0),
        table=table,
        evidence=evidence,
        summary=next((each for each in diagnosis.tables if each.netns == table.netns), None),
        view=seen,
        live=LiveEntries(seen, rules=rules.get(table.netns)) if seen is not None else None,
        rules=rules.get(table.netns),
    )


def _table(evidence: Evidence) -> Table:
    """Of those that were asked for: the others are there only for what they explain."""
    tables = [table for table in evidence.tables if not table.skipped]
    for name in (SELF, HOST):
        for table in tables:
            if table.netns == name:
                return table
    if len(tables) == 1:
        return tables[0]
    if not tables:
        raise UsageError("no connection table could be read here: there is nothing to plan for")
    raise UsageError("which namespace is meant? say --netns NAME")

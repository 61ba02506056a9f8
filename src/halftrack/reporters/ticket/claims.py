"""What is the matter, one claim a paragraph, each with where it was read."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import ReadAt
from halftrack.evidence.values import OWN
from halftrack.reporters.phrases import finding as findings
from halftrack.reporters.phrases import since as moments
from halftrack.reporters.phrases import table as tables
from halftrack.reporters.ticket.citing import shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.document import (
        Diagnosis,
        Finding,
        Forecast,
        Reason,
        TableSummary,
    )
    from halftrack.diagnosis.since.document import Since
    from halftrack.reporters.layout import Page
    from halftrack.reporters.ticket.citing import Sources

    Claim = tuple[str, tuple[ReadAt, ...]]

_GROUPS: Final = 2
_UNREAD: Final = ReadAt(file="not in what was read: the kernel's default")


def claims(
    diagnosis: Diagnosis,
    page: Page,
    sources: Sources,
    *,
    reasons: int,
    others: int,
    most: int,
    longest: int,
) -> list[str]:
    """At most so many. ``reasons``: of the first cause; ``others``: findings beside the main one;
    ``longest``: characters of each.
    """
    lines: list[str] = []
    for text, at in itertools.islice(_told(diagnosis, sources, reasons, others), most):
        lines += page.wrap(sources.cited(shortened(text, longest), at), "- ", "  ")
    return lines


def _told(diagnosis: Diagnosis, sources: Sources, reasons: int, others: int) -> Iterator[Claim]:
    shown = diagnosis.table
    if shown is not None:
        yield from _of_table(shown, diagnosis, sources)
    if diagnosis.since is not None:
        yield from _of_moments(diagnosis.since, diagnosis, others)
    main = findings.main(diagnosis)
    found = None if main is None else diagnosis.findings[main]
    if found is not None:
        yield from _of_finding(found, diagnosis, reasons)
        for enabled in found.enabled_by[: reasons or 1]:
            at = sources.of(enabled.setting, diagnosis.focus) or ((_UNREAD,) if sources.kept else ())
            yield f"{findings.let_in_by(enabled)}: {enabled.why}.", at
    beside = [each for each in diagnosis.findings if each is not found]
    for each in beside[:others]:
        yield _sentence(f"{each.symptom}: {findings.title(each, diagnosis)}"), each.at


def _of_table(shown: TableSummary, diagnosis: Diagnosis, sources: Sources) -> Iterator[Claim]:
    counted = sources.of("count", shown.netns) or sources.of("entries", shown.netns)
    if shown.entries is not None:
        least = "at least " if diagnosis.input.truncated else ""
        of = f" of {shown.netns}" if diagnosis.of_node and shown.netns not in OWN else ""
        text = f"The table{of} holds {least}{words.entries(shown.entries)}"
        if shown.limit:
            share = words.percent(shown.entries / shown.limit)
            yield f"{text} of {shown.limit:,} ({share}).", (*counted, *sources.of("limit", shown.netns))
        else:
            yield f"{text}.", counted
    if shown.dropped is not None or shown.dropped_total is not None or shown.logged is not None:
        logged = () if shown.logged is None else (ReadAt(file=shown.logged.source),)
        yield tables.now(shown, diagnosis), (*sources.of("drop", shown.netns), *logged)
    if shown.forecast is not None and shown.limit and _foretells(shown.forecast):
        yield tables.ahead(shown, diagnosis, basis=True), sources.of("entries", shown.netns) or counted


def _of_moments(shown: Since, diagnosis: Diagnosis, others: int) -> Iterator[Claim]:
    """Both sources are cited: what is between them stands in neither."""
    at = tuple(ReadAt(file=each.name) for each in (shown.moments[0], shown.moments[-1]))
    told = moments.entries(moments.main_table(shown, diagnosis), shown)
    yield f"Since {moments.when(shown)}. {told}".strip(), at
    told_apart = [each for each in moments.ordered(shown) if each.course != "same"]
    changed = [f"{each.course.capitalize()}: {moments.finding(each)}" for each in told_apart]
    changed += [f"Changed: {moments.setting(each)}" for each in shown.settings]
    for text in changed[: 2 * others]:
        yield _sentence(text), at


def _foretells(forecast: Forecast) -> bool:
    return any(each is not None for each in (forecast.full_at, forecast.low, forecast.settles_at))


def _of_finding(found: Finding, diagnosis: Diagnosis, reasons: int) -> Iterator[Claim]:
    least = " At least: the table was cut." if diagnosis.input.truncated else ""
    yield f"{_sentence(findings.title(found, diagnosis))}{least}", found.at
    for group in found.groups[:_GROUPS]:
        yield _sentence(findings.group(group, found, diagnosis)), found.at
    explained = " ".join(findings.sentences(found.explanation)[:2])
    if explained and reasons:
        yield explained, found.at
    if found.causes:
        yield (
            _causes(found, reasons),
            _at([*found.causes[0].for_, *found.causes[0].against], reasons, found),
        )


def _causes(found: Finding, reasons: int) -> str:
    """With what speaks for the first one, where that is likely."""
    told = _sentence(findings.causes(found))
    first = found.causes[0]
    because = "; ".join(findings.reason(each) for each in first.for_[:reasons]) if first.likely else ""
    return f"{told} For {first.cause}: {because}." if because else told


def _at(reasons: list[Reason], most: int, found: Finding) -> tuple[ReadAt, ...]:
    """Where the reasons that are told were read, and the entries."""
    told = dict.fromkeys(at for each in reasons[:most] for at in each.at or (ReadAt(file=each.source),))
    return tuple(told) or found.at


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."

"""The doctor's screen.

Line 1 is the verdict. Within the first 24 lines: is it dropping now, when is it full, whose is it,
why, and what to type. Everything else stands below or behind ``-v``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.reporters.blocks import closing, details, heading, more, notes, remedies, since, table, unseen
from halftrack.reporters.blocks import finding as findings
from halftrack.reporters.blocks import heard as events
from halftrack.reporters.blocks import sources as origins
from halftrack.reporters.layout import Page
from halftrack.reporters.paint import painted
from halftrack.reporters.phrases import finding as told
from halftrack.reporters.phrases.heading import word
from halftrack.reporters.phrases.remedies import Chosen, chosen

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis

FIRST_SCREEN: Final = 24
_OTHERS: Final = 3
_HEALTHY: Final = 4
"""Lines that a healthy node takes at most."""


@dataclass(frozen=True, slots=True)
class _Detail:
    """How much of the main part is shown: groups, and lines of explanation and of commands."""

    groups: int
    explained: int
    commands: int
    line: bool = False
    basis: bool = True


_DETAILS: Final = (
    _Detail(groups=2, explained=5, commands=30, line=True),
    _Detail(groups=2, explained=4, commands=6, line=True),
    _Detail(groups=2, explained=4, commands=4),
    _Detail(groups=2, explained=3, commands=3),
    _Detail(groups=1, explained=3, commands=3, basis=False),
    _Detail(groups=1, explained=2, commands=2, basis=False),
    _Detail(groups=1, explained=1, commands=2, basis=False),
    _Detail(groups=1, explained=0, commands=2, basis=False),
    _Detail(groups=1, explained=0, commands=1, basis=False),
)
"""Tried in this order until what to type stands within the first screen."""


def render(
    diagnosis: Diagnosis,
    *,
    width: int = 80,
    ascii: bool = True,  # noqa: A002  # the page's alphabet, as the option is called everywhere
    color: bool = False,
    verbose: bool = False,
    terminal: bool = False,
    again: str | None = "halftrack doctor",
    planned: str | None = "halftrack plan",
    fixed: str | None = None,
    program: str = "halftrack",
    sources: bool = False,
) -> str:
    """The screen as text, lines of at most ``width`` (40..80) columns.

    ``terminal``: somebody is looking at it, so an empty table may name the example. ``again``,
    ``planned``, ``fixed``, ``program`` and ``sources``: see ``layout.Page``.
    """
    page = Page(width, ascii, verbose, again, program, planned, fixed, sources)
    told = diagnosis.input.notes or any(each.heard for each in diagnosis.tables) or diagnosis.since
    if diagnosis.severity == "ok" and diagnosis.complete and not verbose and not sources and not told:
        lines = _healthy(diagnosis, page, terminal=terminal)
    else:
        lines = _full(diagnosis, page)
    return "\n".join(painted(lines) if color else lines) + "\n"


def _healthy(diagnosis: Diagnosis, page: Page, *, terminal: bool) -> list[str]:
    """Three lines where there is nothing to see."""
    label = " " * len(f"{word(diagnosis)}  ")
    lines = [
        *heading.verdict(diagnosis, page),
        *closing.closing(diagnosis, page, label=label),
    ]
    if terminal and not any(each.entries for each in diagnosis.tables if each.read):
        return [*lines, f"See it at work: {page.program} doctor --example"]
    later = next((finding for finding in diagnosis.findings if finding.symptom == "settings"), None)
    if later is not None:
        told = page.wrap(f"For later: {later.title.rstrip('.')}; more: -v", label)
        lines += told if len(lines) + len(told) <= _HEALTHY else [f"{label}For later: settings, with -v"]
    return lines[:_HEALTHY]


def _full(diagnosis: Diagnosis, page: Page) -> list[str]:
    if page.verbose:
        return _joined(
            heading.heading(diagnosis, page),
            table.table(diagnosis, page, basis=True),
            since.since(diagnosis, page),
            *details.findings(diagnosis, page),
            table.all_tables(diagnosis, page),
            _below(diagnosis, page),
        )
    main = told.main(diagnosis)
    first = chosen(diagnosis, None if main is None else main + 1)
    for detail in _DETAILS:
        upper = _upper(diagnosis, first, page, detail)
        if len(upper) <= FIRST_SCREEN:
            break
    return _joined(upper, _other_findings(diagnosis, page), _below(diagnosis, page))


def _joined(*blocks: list[str]) -> list[str]:
    """Blocks with an empty line between them."""
    lines: list[str] = []
    for block in blocks:
        if block:
            lines += ["", *block] if lines else block
    return lines


def _upper(diagnosis: Diagnosis, first: tuple[Chosen, ...], page: Page, detail: _Detail) -> list[str]:
    main = told.main(diagnosis)
    shown: list[str] = []
    typed = remedies.first(first, page, lines_each=detail.commands)
    if main is not None:
        found = diagnosis.findings[main]
        shown = findings.finding(
            main + 1,
            found,
            diagnosis,
            page,
            groups=detail.groups,
            explained=detail.explained,
            line=detail.line,
        ) + findings.causes(found, page)
        if not typed and found.severity != "info":
            typed = remedies.none_fits(found, page)
    return _joined(
        heading.heading(diagnosis, page),
        table.table(diagnosis, page, basis=detail.basis),
        since.since(diagnosis, page),
        shown,
        typed + more.more(diagnosis, page, None if main is None else main + 1),
    )


def _other_findings(diagnosis: Diagnosis, page: Page) -> list[str]:
    others = [number for number in range(len(diagnosis.findings)) if number != told.main(diagnosis)]
    lines: list[str] = []
    for number in others[:_OTHERS]:
        lines += findings.brief(number + 1, diagnosis.findings[number], diagnosis, page)
    if len(others) > _OTHERS:
        lines += page.wrap(f"and {len(others) - _OTHERS} more: -v", "   ")
    return lines


def _below(diagnosis: Diagnosis, page: Page) -> list[str]:
    return _joined(
        events.heard(diagnosis, page),
        notes.notes(diagnosis, page),
        unseen.unseen(diagnosis, page),
        origins.sources(diagnosis, page),
        closing.closing(diagnosis, page),
    )

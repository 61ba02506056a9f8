"""SINCE: what happened since an earlier moment; before and after a fix on one screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.reporters.phrases import since as told

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.diagnosis.since.document import Since, SinceRules, SinceTable
    from halftrack.reporters.layout import Page

_LABEL: Final = "SINCE   "
_INDENT: Final = " " * 8
_BRIEF: Final = 3
"""Findings, and settings with rules, that are told without -v."""


def since(diagnosis: Diagnosis, page: Page) -> list[str]:
    """Empty where no earlier moment was given."""
    shown = diagnosis.since
    if shown is None:
        return []
    main = told.main_table(shown, diagnosis)
    lines = page.wrap(f"{told.when(shown)}. {told.entries(main, shown)}".strip(), _LABEL)
    if main is not None and main.counters is not None:
        lines += page.wrap(told.counted(main.counters), _INDENT)
    lines += _limited([(each.course, told.finding(each)) for each in told.ordered(shown)], page)
    changed = [("changed", told.setting(each)) for each in shown.settings]
    changed += [("changed", line) for each in shown.rules for line in _rules(each, page)]
    lines += _limited(changed, page)
    if page.verbose:
        lines += _moments(shown, page)
        lines += [line for each in shown.tables if each is not main for line in _table(each, page)]
    for note in shown.notes:
        lines += page.wrap(note, _INDENT)
    return lines


def _limited(changes: list[tuple[str, str]], page: Page) -> list[str]:
    most = len(changes) if page.verbose else _BRIEF
    lines = [line for word, text in changes[:most] for line in page.wrap(text, f"  {word:<9}")]
    if len(changes) > most:
        lines += page.wrap(f"and {len(changes) - most} more: -v", "  ")
    return lines


def _rules(of: SinceRules, page: Page) -> list[str]:
    return [told.rules(of), *(told.rule_lines(of) if page.verbose else [])]


def _moments(shown: Since, page: Page) -> list[str]:
    """A line for each, where there are more than two."""
    if len(shown.moments) < 3:
        return []
    lines = page.wrap("Every moment:", _INDENT)
    for each in shown.moments:
        lines += page.wrap(told.moment(each), _INDENT, " " * 10)
    return lines


def _table(of: SinceTable, page: Page) -> list[str]:
    if of.before == of.now and not of.new and not of.left:
        return []
    return page.wrap(told.table(of), _INDENT, " " * 10)

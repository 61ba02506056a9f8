"""How full the table is, how much of it is stuck, whether it drops now, and when it is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters import figures
from halftrack.reporters.phrases.table import ahead, now, silent

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, TableSummary
    from halftrack.reporters.layout import Page

_BAR: Final = 40
_WORTH_A_BAR: Final = 0.005
_EMPTY: Final = 10
"""More tables than this that nobody uses are told in one line."""


def table(diagnosis: Diagnosis, page: Page, *, basis: bool) -> list[str]:
    """Empty where there is no table at all. ``basis``: show what is silent, and what a forecast rests on."""
    shown = diagnosis.table
    if shown is None:
        return []
    return [
        *_fullness(shown, page),
        *_part("  stuck", shown.stuck or 0, shown, page),
        *(_part(" silent", silent(shown, diagnosis.findings), shown, page) if basis else []),
        *page.wrap(f"{now(shown, diagnosis)} {ahead(shown, diagnosis, basis=basis)}", " " * 8),
    ]


def _fullness(shown: TableSummary, page: Page) -> list[str]:
    if shown.entries is None:
        return page.wrap("number of entries not known", "Table   ")
    if not shown.limit:
        about = "no limit" if shown.unlimited else "limit not known"
        return page.wrap(f"{words.entries(shown.entries)}, {about}", "Table   ")
    share = shown.entries / shown.limit
    return _bar_line("Table", share, f"{shown.entries:,} of {shown.limit:,}", words.percent(share), page)


def _part(label: str, entries: int, shown: TableSummary, page: Page) -> list[str]:
    """A bar for a part of the entries, where there is one of any size."""
    if not shown.entries or not shown.limit or entries < _WORTH_A_BAR * shown.entries:
        return []
    share = min(entries / shown.entries, 1.0)
    return _bar_line(label, entries / shown.limit, f"{entries:,}, {words.percent(share)} of them", "", page)


def _bar_line(label: str, share: float, text: str, percent: str, page: Page) -> list[str]:
    length = min(_BAR, page.width - len(text) - len(percent) - 13)
    head = f"{label:<8}[{page.bar(share, length)}] {text}" if length >= 10 else f"{label:<8}{text}"
    return [
        f"{head}{percent:>{page.width - len(head)}}"
        if percent and length >= 10
        else f"{head} {percent}".rstrip()
    ]


def all_tables(diagnosis: Diagnosis, page: Page) -> list[str]:
    """Every table in one line, the fullest first; of the empty ones their number, where they are many."""
    if len(diagnosis.tables) < 2:
        return []
    lines = ["Tables"]
    full = [each for each in diagnosis.tables if each.entries != 0 or each.read]
    empty = len(diagnosis.tables) - len(full)
    shown = full if empty > _EMPTY else diagnosis.tables
    for each in sorted(shown, key=lambda one: (-(one.entries or 0), one.netns)):
        entries = "not known" if each.entries is None else f"{each.entries:,}"
        of = f" of {each.limit:,} ({words.percent((each.entries or 0) / each.limit)})" if each.limit else ""
        read = "" if each.read else ", entries not read"
        name = figures.owner(each.owner) if each.owner else each.netns
        lines += page.wrap(f"{name}: {entries}{of}{read}", "  ", " " * 6)
    if empty > _EMPTY:
        lines += page.wrap(f"and {empty} more, without an entry (all of them: --json)", "  ", " " * 6)
    return lines

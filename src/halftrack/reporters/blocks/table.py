"""How full the table is, how much of it is stuck, whether it drops now, and when it is full."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters import figures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.document import Diagnosis, Finding, Forecast, TableSummary
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


def silent(shown: TableSummary, findings: Iterable[Finding]) -> int:
    """Open connections that may be dead or at rest, where that is serious."""
    return sum(
        finding.entries for finding in _serious(shown, findings) if finding.symptom == "idle-established"
    )


def _serious(shown: TableSummary, findings: Iterable[Finding]) -> list[Finding]:
    """Findings about entries of this table."""
    return [
        finding
        for finding in findings
        if finding.severity != "info" and finding.groups and finding.netns == shown.netns
    ]


def _bar_line(label: str, share: float, text: str, percent: str, page: Page) -> list[str]:
    length = min(_BAR, page.width - len(text) - len(percent) - 13)
    head = f"{label:<8}[{page.bar(share, length)}] {text}" if length >= 10 else f"{label:<8}{text}"
    return [
        f"{head}{percent:>{page.width - len(head)}}"
        if percent and length >= 10
        else f"{head} {percent}".rstrip()
    ]


def now(shown: TableSummary, diagnosis: Diagnosis) -> str:
    """Is it dropping now? Says so, too, where that is not known."""
    before = ""
    if shown.dropped_total or shown.dropped_early_total:
        before = f" Since boot: {_losses(shown.dropped_total or 0, shown.dropped_early_total)}."
    if shown.dropped is None:
        where = "counters not read twice" if diagnosis.of_node else "no counters in this file"
        return f"Dropped now: not known ({where}).{before}{_logged(shown, diagnosis)}"
    if not shown.dropped and not shown.dropped_early:
        return f"Nothing dropped in {shown.counters_over_s or 1} s.{before}{_logged(shown, diagnosis)}"
    text = f"Dropped in {shown.counters_over_s or 1} s: {_losses(shown.dropped, shown.dropped_early)}"
    return (
        f"{text}." if shown.reclaimable is None else f"{text}; the kernel could free {shown.reclaimable:,}."
    )


def _logged(shown: TableSummary, diagnosis: Diagnosis) -> str:
    told = shown.logged
    if told is None:
        return ""
    last = f", last {figures.moment(told.last, diagnosis.taken_at)} UTC" if told.last is not None else ""
    return f" Logged at least {words.count(told.lines, 'time')}: table full{last}."


def _losses(dropped: int, early: int | None) -> str:
    return f"{dropped:,} dropped" if early is None else f"{dropped:,}, thrown out early: {early:,}"


def ahead(shown: TableSummary, diagnosis: Diagnosis, *, basis: bool) -> str:
    """When is it full?"""
    if shown.unlimited:
        return "Never full: there is no limit."
    if shown.limit and shown.entries is not None and shown.entries >= shown.limit:
        return "Full now."
    if shown.forecast is None:
        return "Full when: not known."
    return _foretold(shown.forecast, shown, diagnosis, basis=basis)


def _foretold(forecast: Forecast, shown: TableSummary, diagnosis: Diagnosis, *, basis: bool) -> str:
    why = f" ({forecast.basis})" if basis else ""
    if forecast.full_at is None and forecast.low is not None:
        at = figures.moment(forecast.low, diagnosis.taken_at)
        return f"Full: not expected, but at its fastest at about {at} UTC{why}."
    if forecast.full_at is None:
        if forecast.settles_at is not None and shown.limit and forecast.settles_at < shown.limit:
            return f"Full: not in sight, settles near ~{forecast.settles_at:,}{why}."
        if shown.read and not shown.stuck and not _serious(shown, diagnosis.findings):
            return f"Full: not in sight ({forecast.basis})."
        return f"Full when: cannot be told ({forecast.basis})."
    now = diagnosis.taken_at
    text = f"Full at about {figures.moment(forecast.full_at, now)} UTC"
    if forecast.low is not None and forecast.low != forecast.full_at:
        latest = "never" if forecast.high is None else figures.moment(forecast.high, now)
        text += f", between {figures.moment(forecast.low, now)} and {latest}"
    return f"{text}{why}."


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

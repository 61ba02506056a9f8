"""A finding: what, whose, since when, how fast it grows, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.reporters import figures
from halftrack.reporters.blocks import timeline
from halftrack.reporters.phrases import finding as told
from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, Finding, Group
    from halftrack.reporters.layout import Page

_COLUMNS_NEED: Final = 80
_ENTRIES: Final = 28


def finding(
    number: int, shown: Finding, diagnosis: Diagnosis, page: Page, *, groups: int, explained: int, line: bool
) -> list[str]:
    """In full. ``groups``: how many are shown; ``explained``: lines of explanation at most."""
    text = _sentences(shown.explanation, page, explained)
    if not shown.groups:
        return [*brief(number, shown, diagnosis, page), *text]
    return [
        *_groups(number, shown, diagnosis, page, groups),
        *text,
        *(timeline.line(shown, diagnosis, page) if line else []),
    ]


def _sentences(text: str, page: Page, most: int) -> list[str]:
    """As many whole sentences as so many lines hold."""
    sentences = told.sentences(text)
    while sentences and len(lines := page.wrap(" ".join(sentences), "   ")) > most:
        sentences.pop()
    return lines if sentences else []


def brief(number: int, shown: Finding, diagnosis: Diagnosis, page: Page) -> list[str]:
    """One sentence."""
    return page.wrap(told.title(shown, diagnosis), f" {number} {shown.symptom}: ", "   ")


def causes(shown: Finding, page: Page) -> list[str]:
    """The causes in one sentence; the reasons are behind -v."""
    if not shown.causes:
        return []
    lines = page.wrap(told.causes(shown), "   ", " " * 5)
    if shown.causes[0].settled_by is not None:
        lines += page.wrap(told.SETTLED_BY, "   ")
        lines += shell_lines(shown.causes[0].settled_by, page, " " * 5)
    return lines


def _groups(number: int, shown: Finding, diagnosis: Diagnosis, page: Page, most: int) -> list[str]:
    dated = diagnosis.taken_at is not None
    first = shown.groups[:most]
    head = f" {number} {shown.symptom}"
    if page.width < _COLUMNS_NEED:
        lines = page.wrap(told.counted(shown.entries, shown), f"{head}: ", "   ")
        for group in first:
            lines += page.wrap(told.group(group, shown, diagnosis), "   ")
    else:
        times = "oldest (UTC)" if dated else "silent for"
        what = "sockets" if shown.symptom == "forgotten" else "entries"
        lines = [f"{head:<20}{what:>8}  {'share':>5}  {times:<{figures.SILENCE}}{'new':>10}{'peers':>9}"]
        for group in first:
            lines += page.wrap(told.whose(group, diagnosis), "   ", " " * 5)
            lines.append(_row(group, shown, diagnosis))
    return lines + _others(shown, told.others(shown, first), page)


def _row(group: Group, shown: Finding, diagnosis: Diagnosis) -> str:
    peers = "" if group.peers is None else f"{group.peers:,}"
    begin = f"{told.since(group, diagnosis):<{figures.SILENCE}}"
    part = told.share(group.entries, shown)
    return f"{group.entries:>{_ENTRIES},}  {part:>5}  {begin}{told.growth(group, shown):>10}{peers:>9}"


def _others(shown: Finding, rest: tuple[str, int] | None, page: Page) -> list[str]:
    if rest is None:
        return []
    others, entries = rest
    if page.width < _COLUMNS_NEED:
        return page.wrap(f"{others}: {entries:,} ({told.share(entries, shown)})", "   ")
    row = f"{entries:,}  {told.share(entries, shown):>5}"
    total = f"  of {shown.entries:,} in all"
    room = _ENTRIES + 7 - len(others) - 3
    if len(row) < room:
        return [f"   {others}{row:>{room}}{total}"]
    return [f"   {others}", f"{row:>{_ENTRIES + 7}}{total}"]

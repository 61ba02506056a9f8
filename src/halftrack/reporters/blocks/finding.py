"""A finding: what, whose, since when, how fast it grows, and why."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence.values import OWN
from halftrack.reporters import figures
from halftrack.reporters.blocks import timeline
from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import Diagnosis, Finding, Group
    from halftrack.reporters.layout import Page

_COLUMNS_NEED: Final = 80
_ENTRIES: Final = 28
_EACH: Final = "each by itself, 0 to 1"
_SENTENCE: Final = re.compile(r"(?<=[.!?]) ")


def main(diagnosis: Diagnosis) -> int | None:
    """The place of the finding that says whose it is: the worst one that has groups, else the worst."""
    serious = [place for place, each in enumerate(diagnosis.findings) if each.severity != "info"]
    return next((place for place in serious if diagnosis.findings[place].groups), next(iter(serious), None))


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


def first_sentences(text: str, most: int) -> str:
    """So many of them at most."""
    return " ".join(_SENTENCE.split(text)[:most])


def _sentences(text: str, page: Page, most: int) -> list[str]:
    """As many whole sentences as so many lines hold."""
    sentences = _SENTENCE.split(text) if text else []
    while sentences and len(lines := page.wrap(" ".join(sentences), "   ")) > most:
        sentences.pop()
    return lines if sentences else []


def brief(number: int, shown: Finding, diagnosis: Diagnosis, page: Page) -> list[str]:
    """One sentence."""
    return page.wrap(title(shown, diagnosis), f" {number} {shown.symptom}: ", "   ")


def title(shown: Finding, diagnosis: Diagnosis) -> str:
    """What is wrong, and in which namespace, where that is not the one that the verdict speaks of."""
    where = "" if shown.netns == diagnosis.focus else _where(shown.netns, diagnosis)
    return f"{where}{shown.title}"


def _where(netns: str, diagnosis: Diagnosis) -> str:
    known = len(diagnosis.tables) > 1 and any(table.netns == netns for table in diagnosis.tables)
    return f"in {netns}: " if known else ""


def _where_else(group: Group, diagnosis: Diagnosis) -> str:
    """The namespace of a group, where it is not the one that everybody means."""
    return "" if group.netns in OWN else _where(group.netns, diagnosis)


def causes(shown: Finding, page: Page) -> list[str]:
    """The causes in one sentence; the reasons are behind -v."""
    if not shown.causes:
        return []
    first, *others = shown.causes
    likely = [cause for cause in shown.causes if cause.likely]
    if first.cause == "unknown":
        weighed = ", ".join(f"{cause.cause} {cause.confidence:.2f}" for cause in others[:2])
        text = f"unknown so far ({_EACH}: {weighed})" if weighed else "unknown so far"
        label = "Cause: "
    else:
        text = ", ".join(f"{cause.cause} {cause.confidence:.2f}" for cause in (likely or shown.causes)[:3])
        text += f" ({_EACH})"
        label = "Likely cause: "
    lines = page.wrap(text, f"   {label}")
    if first.settled_by is not None:
        lines += page.wrap("A table alone tells no more. What settles it, typed where they end:", "   ")
        lines += shell_lines(first.settled_by, page, " " * 5)
    return lines


def _groups(number: int, shown: Finding, diagnosis: Diagnosis, page: Page, most: int) -> list[str]:
    dated = diagnosis.taken_at is not None
    first, hidden = shown.groups[:most], shown.groups[most:]
    head = f" {number} {shown.symptom}"
    if page.width < _COLUMNS_NEED:
        lines = page.wrap(_counted(shown), f"{head}: ", "   ")
        for group in first:
            lines += page.wrap(_prose(group, shown, diagnosis), "   ")
    else:
        times = "oldest (UTC)" if dated else "silent for"
        what = "sockets" if shown.symptom == "forgotten" else "entries"
        lines = [f"{head:<20}{what:>8}  {'share':>5}  {times:<{figures.SILENCE}}{'new':>10}{'peers':>9}"]
        for group in first:
            lines += page.wrap(f"{_where_else(group, diagnosis)}{figures.whose(group)}", "   ", " " * 5)
            lines.append(_row(group, shown, diagnosis))
    return lines + _others(shown, first, hidden, page)


def _counted(shown: Finding) -> str:
    if shown.symptom == "forgotten":
        return words.count(shown.entries, "connected socket")
    return words.entries(shown.entries)


def _row(group: Group, shown: Finding, diagnosis: Diagnosis) -> str:
    peers = "" if group.peers is None else f"{group.peers:,}"
    begin = f"{since(group, diagnosis):<{figures.SILENCE}}"
    part = share(group.entries, shown)
    return f"{group.entries:>{_ENTRIES},}  {part:>5}  {begin}{growth(group, shown):>10}{peers:>9}"


def _prose(group: Group, shown: Finding, diagnosis: Diagnosis) -> str:
    parts = [
        f"{group.entries:,} ({share(group.entries, shown)})",
        since(group, diagnosis),
        growth(group, shown),
    ]
    told = ", ".join(part for part in parts if part != "-")
    return f"{_where_else(group, diagnosis)}{figures.whose(group)}: {told}"


def _others(shown: Finding, first: Sequence[Group], hidden: Sequence[Group], page: Page) -> list[str]:
    number = len(hidden) + shown.more_groups
    entries = shown.entries - sum(group.entries for group in first)
    if not number or entries <= 0:
        return []
    others = words.count(number, "other service")
    if page.width < _COLUMNS_NEED:
        return page.wrap(f"{others}: {entries:,} ({share(entries, shown)})", "   ")
    row = f"{entries:,}  {share(entries, shown):>5}"
    total = f"  of {shown.entries:,} in all"
    room = _ENTRIES + 7 - len(others) - 3
    if len(row) < room:
        return [f"   {others}{row:>{room}}{total}"]
    return [f"   {others}", f"{row:>{_ENTRIES + 7}}{total}"]


def share(entries: int, shown: Finding) -> str:
    """Of the table, as a whole per cent; empty where that is not known."""
    if shown.share is None or not shown.entries:
        return ""
    share = shown.share * entries / shown.entries
    return "<1 %" if 0 < share < 0.005 else words.percent(min(share, 1.0))


def since(group: Group, diagnosis: Diagnosis) -> str:
    """When the oldest was last heard, or how long that is ago."""
    if diagnosis.taken_at is None or group.idle_max_s is None:
        return figures.silence(group)
    return figures.moment(diagnosis.taken_at - timedelta(seconds=group.idle_max_s), diagnosis.taken_at)


def growth(group: Group, shown: Finding) -> str:
    """How fast they come, or in which shape."""
    shape = shown.forecast.shape if shown.forecast else "unknown"
    return {"steps": "in steps", "burst": "one burst"}.get(shape) or figures.rate(group.rate_per_minute)

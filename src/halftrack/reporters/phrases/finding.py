"""A finding in words: what, whose, since when, how fast it grows, and why."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.evidence.values import OWN
from halftrack.reporters import figures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.document import (
        Began,
        Cause,
        Diagnosis,
        EnabledBy,
        Finding,
        Group,
        Peer,
        Reason,
    )

_EACH: Final = "each by itself, 0 to 1"
WEIGHED: Final = "Each cause is judged by itself, 0 to 1: two can both be true."
SETTLED_BY: Final = "A table alone tells no more. What settles it, typed where they end:"
_SENTENCE: Final = re.compile(r"(?<=[.!?]) ")
_BASES: Final = {
    "tcp-flags": "TCP flags and window scales tell",
    "unanswered": "inferred: never answered, so no handshake passed; this source has no TCP flags",
    None: "this source has no TCP flags",
}


def main(diagnosis: Diagnosis) -> int | None:
    """The place of the finding that says whose it is: the worst one that has groups, else the worst."""
    serious = [place for place, each in enumerate(diagnosis.findings) if each.severity != "info"]
    return next((place for place in serious if diagnosis.findings[place].groups), next(iter(serious), None))


def title(shown: Finding, diagnosis: Diagnosis) -> str:
    """What is wrong, and in which namespace, where that is not the one that the verdict speaks of."""
    where = shown.netns != diagnosis.focus and _told_apart(shown.netns, diagnosis)
    return f"{f'in {shown.netns}: ' if where else ''}{shown.title}"


def _told_apart(netns: str, diagnosis: Diagnosis) -> bool:
    """Whether there are several tables, of which it is one."""
    return len(diagnosis.tables) > 1 and any(table.netns == netns for table in diagnosis.tables)


def sentences(text: str) -> list[str]:
    """A text that is made of sentences, one by one."""
    return _SENTENCE.split(text) if text else []


def counted(entries: int, shown: Finding) -> str:
    """So many of what it is about."""
    if shown.symptom == "forgotten":
        return words.count(entries, "connected socket")
    return words.entries(entries)


def share(entries: int, shown: Finding) -> str:
    """Of the table, as a whole per cent, short; empty where that is not known."""
    part = _share(entries, shown)
    if part is None:
        return ""
    return "<1 %" if 0 < part < 0.005 else words.percent(part)


def _share(entries: int, shown: Finding) -> float | None:
    if shown.share is None or not shown.entries:
        return None
    return min(shown.share * entries / shown.entries, 1.0)


def since(group: Group, diagnosis: Diagnosis) -> str:
    """When the oldest was last heard, or how long that is ago."""
    if diagnosis.taken_at is None or group.idle_max_s is None:
        return figures.silence(group)
    return figures.moment(diagnosis.taken_at - timedelta(seconds=group.idle_max_s), diagnosis.taken_at)


def growth(group: Group, shown: Finding) -> str:
    """How fast they come, or in which shape; ``-`` where that is not known."""
    return _shape(shown) or figures.rate(group.rate_per_minute)


def _shape(shown: Finding) -> str | None:
    shape = shown.forecast.shape if shown.forecast else "unknown"
    return {"steps": "in steps", "burst": "one burst"}.get(shape)


def group(of: Group, shown: Finding, diagnosis: Diagnosis) -> str:
    """``web-1 (podman 3f2a91c0d7e4) tcp/80: 1,300 entries (12 %), 3 peers, silent for 5 min, 30/min new``."""
    parts = [counted(of.entries, shown)]
    part = _share(of.entries, shown)
    if part is not None:
        parts[0] += f" ({words.percent(part)})"
    if of.peers is not None:
        parts.append(words.count(of.peers, "peer"))
    if of.idle_max_s is not None:
        dated = diagnosis.taken_at is not None
        oldest = since(of, diagnosis)
        parts.append(f"the oldest last heard {oldest} UTC" if dated else f"silent for {oldest}")
    if (shape := _shape(shown)) is not None:
        parts.append(shape)
    elif of.rate_per_minute is not None:
        parts.append(f"{figures.rate(of.rate_per_minute)} new")
    return f"{whose(of, diagnosis)}: {', '.join(parts)}"


def whose(of: Group, diagnosis: Diagnosis) -> str:
    """Owner, address and service, and the namespace where that has to be said."""
    netns = elsewhere(of, diagnosis)
    return f"{'' if netns is None else f'in {netns}: '}{figures.whose(of)}"


def elsewhere(of: Group, diagnosis: Diagnosis) -> str | None:
    """Its namespace, where that is neither the one that everybody means nor told by its owner's name."""
    named = of.owner is not None and of.owner.name == of.netns
    return of.netns if _told_apart(of.netns, diagnosis) and of.netns not in OWN and not named else None


def others(shown: Finding, told: Iterable[Group]) -> tuple[str, int] | None:
    """How many services there are beside those that were told, and their entries; None where all were."""
    first = list(told)
    number = len(shown.groups) - len(first) + shown.more_groups
    entries = shown.entries - sum(each.entries for each in first)
    return (words.count(number, "other service"), entries) if number and entries > 0 else None


def causes(shown: Finding) -> str:
    """Those that are likely, without the reasons; where none is, those that were weighed. Empty: none was."""
    if not shown.causes:
        return ""
    first, *others = shown.causes
    if first.cause == "unknown":
        weighed = ", ".join(cause(each) for each in others[:2])
        return f"Cause: unknown so far{f' ({_EACH}: {weighed})' if weighed else ''}"
    likely = [each for each in shown.causes if each.likely] or shown.causes
    return f"Likely cause: {', '.join(cause(each) for each in likely[:3])} ({_EACH})"


def cause(of: Cause) -> str:
    """``slow-path 0.62``."""
    return f"{of.cause} {of.confidence:.2f}"


def begun(began: Began) -> str:
    """How the entries came to be, and on what that rests."""
    counts = (
        (began.picked_up, "picked up in mid-stream"),
        (began.handshake, "by a handshake that was seen"),
        (began.injected, "injected by a program"),
        (began.unknown, "not known"),
    )
    told = ", ".join(f"{number:,} {what}" for number, what in counts if number)
    return f"{told} ({_BASES[began.basis]})"


def peer(of: Peer) -> str:
    """``198.51.100.7 (shop/web:http) 900``."""
    name = f" ({of.service_name})" if of.service_name else ""
    return f"{of.address}{name} {of.entries:,}"


def let_in_by(enabled: EnabledBy) -> str:
    """The setting and its value."""
    return f"{enabled.setting} = {'not known' if enabled.value is None else enabled.value}"


def reason(of: Reason) -> str:
    """What speaks for or against a cause, without where it was read."""
    value = f": {of.value:,}" if isinstance(of.value, int) else "" if of.value is None else f": {of.value}"
    return f"{of.what}{value}"

"""What was heard while somebody listened: how many began, and whose were picked up in mid-stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.phrases import reading

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, Group, Heard
    from halftrack.reporters.layout import Page

_GROUPS: Final = 3
_PEERS: Final = 3
_LABEL: Final = "Heard   "


def heard(diagnosis: Diagnosis, page: Page) -> list[str]:
    """Empty where nobody listened; a part for each namespace that was heard."""
    lines: list[str] = []
    several = sum(table.heard is not None for table in diagnosis.tables) > 1
    for table in diagnosis.tables:
        if table.heard is not None:
            where = f"{table.netns}: " if several else ""
            lines += page.wrap(where + reading.heard(table.heard), "" if lines else _LABEL, " " * len(_LABEL))
            lines += _groups(table.heard, page)
    return lines


def _groups(of: Heard, page: Page) -> list[str]:
    shown = len(of.groups) if page.verbose else _GROUPS
    lines: list[str] = []
    for group in of.groups[:shown]:
        lines += page.wrap(_group(group), " " * len(_LABEL), " " * (len(_LABEL) + 2))
    rest = of.more_groups + len(of.groups[shown:])
    return lines + (page.wrap(f"and {rest:,} more", " " * len(_LABEL)) if rest else [])


def _group(group: Group) -> str:
    who = group.owner.name if group.owner else group.address or "?"
    peers = ", ".join(f"{peer.address} {peer.entries:,}" for peer in group.top_peers[:_PEERS])
    role = f" as {group.side}" if group.side else ""
    return (
        f"{who} {group.service or ''}{role}: {group.entries:,} in mid-stream,"
        f" {words.count(group.peers or 0, 'peer')} ({peers})"
    )

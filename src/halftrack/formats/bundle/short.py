"""What is missing of a bundle whose end did not arrive: tables whose entries were in it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from halftrack.evidence import tells
from halftrack.evidence.values import Gap

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import Evidence, Table

WHY: Final = "the bundle was cut short on its way"
"""Where nothing tells more."""
_PARTS: Final = {
    "flows": ("entries", tells.OF_ENTRIES),
    "sockets": ("sockets", tells.OF_SOCKETS),
    "tcp": ("round-trip times of the sockets", tells.OF_TCP),
    "events": ("events", tells.OF_EVENTS),
}
"""Fields of a table that are frames: what they are called, and what they would tell."""


def told(evidence: Evidence, written: Any) -> Evidence:
    """``written``: its values as they stand in the bundle, of which ``evidence`` was made.

    What was written and is not there is a gap. Where that is entries, those that are there are a part of all.
    """
    lost = list(_lost(evidence, written))
    if not lost:
        return evidence
    gaps = tuple(
        Gap(f"{_PARTS[part][0]} of {table.netns}", WHY, ("the whole bundle",), _PARTS[part][1], table.netns)
        for table, part in lost
    )
    without = [table for table, part in lost if part == "flows"]
    seen = sum(len(table.flows) for table in evidence.tables if table.flows is not None)
    counted = seen + sum(table.count or 0 for table in without)
    given = evidence.input
    if without:
        share = given.visible * seen / counted if counted else 0.0
        given = replace(given, truncated=True, visible=share)
    return replace(evidence, gaps=(*evidence.gaps, *gaps), input=given)


def _lost(evidence: Evidence, written: Any) -> Iterator[tuple[Table, str]]:
    """Each table, and the name of the field."""
    for table, its in zip(evidence.tables, written.get("tables", ()), strict=True):
        for part in _PARTS:
            if its.get(part) is not None and getattr(table, part) is None:
                yield table, part

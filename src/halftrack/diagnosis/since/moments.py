"""A node at one moment, kept for a comparison; which of two was earlier, and whether they are of one node."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis.since.known import Known
from halftrack.diagnosis.since.names import Names, pairs
from halftrack.diagnosis.view import view

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.case import Case, Examined
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.diagnosis.since.document import Order
    from halftrack.evidence.flows import FlowTable
    from halftrack.evidence.values import Evidence, Table

_FEWEST: Final = 5
"""Entries that have to say the same for it to be how far apart two moments are."""
_AGREE: Final = 0.2
"""Of the shared entries that became older."""
_UNSURE: Final = "one-sided"
"""What a gap would have told that may hide entries: this symptom is told by entries alone."""


@dataclass(frozen=True, slots=True)
class Moment:
    """``evidence`` without entries: they are in ``tables``, by namespace, as far as they were read."""

    name: str
    evidence: Evidence
    diagnosis: Diagnosis
    tables: Mapping[str, Known]


@dataclass(frozen=True, slots=True)
class Ordered:
    """How two moments lie: ``first`` says whether the one asked about is the earlier one."""

    first: bool
    order: Order
    seconds: int | None = None


def named(evidence: Evidence) -> str:
    """What a moment is called: its file as it was named, or that it is live."""
    files = (evidence.input.inside,) if evidence.input.inside else evidence.input.files
    if evidence.source == "live":
        return "live"
    return f"{files[0]} and {len(files) - 1} more" if len(files) > 1 else files[0] if files else evidence.node


def kept(evidence: Evidence, judged: Examined) -> Moment:
    """``judged``: what was found there."""
    found = {}
    for table in evidence.tables:
        if table.flows is not None:
            cases = [case for case in judged.cases if case.view.table is table]
            found[table.netns] = known(evidence, table, cases)
    bare = tuple(replace(table, flows=None) for table in evidence.tables)
    return Moment(named(evidence), replace(evidence, tables=bare), judged.diagnosis, found)


def known(evidence: Evidence, table: Table, cases: Sequence[Case]) -> Known:
    """One table of a moment; its entries were read."""
    assert table.flows is not None  # noqa: S101  # as the docstring has it
    seen = cases[0].view if cases else view(table, evidence)
    return Known.of(seen, table.flows, cases, whole=whole(evidence, table))


def whole(evidence: Evidence, table: Table) -> bool:
    """Whether an entry that is not in the table was not there."""
    given = evidence.input
    if given.truncated or given.visible < 1 or given.unreadable or table.unreadable:
        return False
    lacking = [gap for gap in evidence.gaps if gap.netns in (None, table.netns)]
    if evidence.source == "dump":
        return not any(gap.netns for gap in lacking)
    return not any(_UNSURE in gap.would_tell for gap in lacking)


def ordered(one: Evidence, other: Evidence) -> Ordered:
    """By the times of both, else by their largest tables, else as they are given."""
    if one.taken_at is not None and other.taken_at is not None:
        seconds = round((other.taken_at - one.taken_at).total_seconds())
        return Ordered(seconds >= 0, "times", abs(seconds))
    tables = [_largest(each) for each in (one, other)]
    first, second = (None if table is None else table.flows for table in tables)
    if first is not None and second is not None:
        in_order, seconds_apart = apart(first, second)
        if seconds_apart is not None:
            return Ordered(in_order, "entries", seconds_apart)
    return Ordered(first=True, order="given")


def apart(one: FlowTable, other: FlowTable) -> tuple[bool, int | None]:
    """Whether ``one`` is the earlier of two moments, and the seconds between, by the entries of both.

    What no packet reached in between has less time left by just that. None where too few agree.
    """
    shared = pairs(Names.of(one), Names.of(other))
    before, after = (each.frame["timeout"].fill_null(-1).to_numpy() for each in (one, other))
    then_s, now_s = before[shared.then], after[shared.now]
    older_by = (now_s - then_s)[(now_s >= 0) & (then_s >= 0)]
    best, most = None, 0
    for sign in (1, -1):
        older = -sign * older_by
        older = older[older > 0]
        if not older.size:
            continue
        values, counts = np.unique(older, return_counts=True)
        at = int(np.argmax(counts))
        near = int(older[np.abs(older - values[at]) <= 1].size)
        if near >= max(_FEWEST, _AGREE * older.size) and near > most:
            best, most = (sign == 1, int(values[at])), near
    return (True, None) if best is None else best


def _largest(found: Evidence) -> Table | None:
    read = [table for table in found.tables if table.flows is not None]
    return max(read, key=lambda table: len(table.flows or ()), default=None)


def differing(one: Evidence, other: Evidence) -> str | None:
    """Why these are visibly not two moments of one node; None where nothing says so."""
    names = [named(each) for each in (one, other)]
    masks = [each.input.masked for each in (one, other)]
    if masks == ["substituted"] * 2 and not _of_one_map(one, other):
        return (
            f"the stand-ins in {names[0]} and {names[1]} are of two maps: unmask both, or mask one anew by"
            " the map of the other (collect --mask --map)"
        )
    if masks[0] != masks[1] and all(any(table.flows for table in each.tables) for each in (one, other)):
        masked = 0 if masks[0] != "none" else 1
        return (
            f"addresses are masked otherwise in {names[masked]} than in {names[1 - masked]}: no entry of one"
            " can be found in the other"
        )
    if masks[0] == masks[1] and one.machine is not None and other.machine is not None:
        if one.machine != other.machine:
            return f"{names[0]} and {names[1]} are of two machines: {one.node} and {other.node}"
    elif one.of_node and other.of_node and "substituted" not in masks:
        short = [each.node.partition(".")[0] for each in (one, other)]
        if short[0] != short[1]:
            return f"{names[0]} and {names[1]} are of two nodes: {one.node} and {other.node}"
    return None


def _of_one_map(one: Evidence, other: Evidence) -> bool:
    """Whether equal stand-ins are equal addresses; others than we keep one map for all that they mask."""
    by = [each.input.masked_by for each in (one, other)]
    if by[0] is not None and by[1] is not None:
        return by[0].map == by[1].map
    return by == [None, None] and "bundle" not in (one.source, other.source)

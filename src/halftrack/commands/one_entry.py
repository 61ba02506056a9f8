"""One entry explained to stdout: the first of those that a filter takes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import msgspec

from halftrack.commands import ordering, output
from halftrack.diagnosis.explained import explain
from halftrack.diagnosis.explained.document import Explained
from halftrack.diagnosis.words import entries as counted
from halftrack.reporters import entries, entry
from halftrack.reporters import json as documents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.commands.options import Options
    from halftrack.diagnosis.filters.chosen import Chosen
    from halftrack.diagnosis.filters.fields import Order
    from halftrack.evidence.values import Evidence


def show(rows: Sequence[Chosen], seen: Evidence, by: Order | None, given: Options) -> None:
    """Explain the first of the rows in this order; say of how many."""
    matching = sum(each.frame.height for each in rows)
    if matching > 1:
        order = "as sorted" if by is not None else "as read"
        output.message(f"{counted(matching)} match; explained is the first, {order}", given)
    first = next((each for each in ordering.ordered(rows, by, 1) if each.frame.height), None)
    if first is None:
        output.message("no entry matches", given)
        explained = Explained(matching=0)
    else:
        explained = _explained(first, seen, matching)
    if given.json:
        output.write(documents.pretty(explained))
    elif given.jsonl:
        output.write(documents.compact(explained))
    elif first is not None:
        output.write(output.screen(entry.text, explained, given))


def _explained(first: Chosen, seen: Evidence, matching: int) -> Explained:
    one = replace(first, frame=first.frame.head(1))
    table = next(each for each in seen.tables if each.netns == one.netns and each.flows is not None)
    shown: dict[str, Any] = msgspec.json.decode(str(next(entries.json_lines(one)).item()))
    return explain(seen, table, one.frame.row(0, named=True), shown, matching=matching)

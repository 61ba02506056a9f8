"""The entries that a filter takes, out of everything that was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halftrack.diagnosis import cases, ends
from halftrack.diagnosis.filters import spellings
from halftrack.diagnosis.filters.chosen import Chosen
from halftrack.diagnosis.filters.expression import Surroundings, expression, untold, with_symptoms
from halftrack.diagnosis.view import view

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.filters import Filter
    from halftrack.evidence.values import Evidence


@dataclass(frozen=True, slots=True)
class Wanted:
    """``view``: the rows need a view's columns. ``judged``: they need to know the symptoms."""

    filter: Filter
    view: bool = False
    judged: bool = False


def chosen(seen: Evidence, wanted: Wanted) -> Iterator[Chosen]:
    """For each table whose entries were read, the rows that the filter takes.

    Raises UsageError where the filter names an address that is written nowhere.
    """
    tables = [table for table in seen.tables if table.flows is not None]
    spellings.check(wanted.filter, [table.flows.opaque for table in tables if table.flows])
    found = cases(seen) if wanted.judged else ()
    for table in tables:
        flows = table.flows
        assert flows is not None  # noqa: S101  # chosen above
        frame = ends.ends(view(table, seen).flows.lazy()).collect() if wanted.view else flows.frame
        frame, symptoms = with_symptoms(frame, (case for case in found if case.view.table is table))
        compared = any(one.sockets is not None for one in seen.tables)
        around = Surroundings(table.netns, flows.opaque, seen.owners, symptoms, compared)
        unclear = untold(frame, wanted.filter, around)
        if wanted.filter.terms:
            frame = frame.lazy().filter(expression(wanted.filter, around)).collect()
        yield Chosen(table.netns, frame, flows.opaque, seen.owners, seen.taken_at, symptoms, unclear)

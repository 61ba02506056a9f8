"""The rows of a table that a filter takes, marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import ends
from halftrack.diagnosis.filters import expression as expressions
from halftrack.evidence.flows import select

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.filters import Filter
    from halftrack.diagnosis.view import View


def matching(view: View, wanted: Filter, cases: Sequence[Case]) -> tuple[pl.Series, Mapping[str, int]]:
    """Boolean, one per row of the view; and by term, of how many rows the table does not tell it.

    ``cases``: of this view, for filters that speak of symptoms.
    """
    frame, symptoms = expressions.with_symptoms(ends.ends(view.flows.lazy()).collect(), cases)
    compared = any(table.sockets is not None for table in view.evidence.tables)
    around = expressions.Surroundings(view.netns, view.opaque, view.evidence.owners, symptoms, compared)
    marked = select(frame, expressions.expression(wanted, around).alias("takes"))["takes"]
    return marked, expressions.untold(frame, wanted, around)

"""Chosen rows of one table, with what is needed to name and show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from halftrack.evidence.values import Owner


@dataclass(frozen=True, slots=True)
class Chosen:
    """``frame``: a flow table's columns, or a view's and those of ``ends.ends`` where they were needed.

    ``opaque``: spellings of masked addresses. ``owners``: what column ``owner`` counts. ``symptoms``:
    by slug, the Boolean column that marks its rows. ``untold``: by term of the filter, of how many
    rows of the table the source does not tell whether it holds; those were left out.
    """

    netns: str
    frame: pl.DataFrame
    opaque: pl.Series
    owners: Sequence[Owner] = ()
    taken_at: datetime | None = None
    symptoms: Mapping[str, str] = field(default_factory=dict)
    untold: Mapping[str, int] = field(default_factory=dict)

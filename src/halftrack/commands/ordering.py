"""Sorting entries and taking the first of them, over several tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import polars as pl

from halftrack.diagnosis.filters.vocabulary import FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.diagnosis.filters.chosen import Chosen
    from halftrack.diagnosis.filters.fields import Order


def ordered(tables: Sequence[Chosen], by: Order | None, top: int | None) -> Iterator[Chosen]:
    """The rows in order, in pieces of one table each; only the first ``top`` of them."""
    if by is None:
        left = top
        for rows in tables:
            taken = rows if left is None else replace(rows, frame=rows.frame.head(left))
            left = None if left is None else left - taken.frame.height
            yield taken
        return
    places = _places(tables, by)
    for piece in _runs(places if top is None else places.head(top)):
        rows = tables[piece["table"][0]]
        yield replace(rows, frame=rows.frame[piece["row"]])


def _places(tables: Sequence[Chosen], by: Order) -> pl.DataFrame:
    """Where each row stands: ``table`` and ``row``, sorted; ties as they were."""
    keys = [
        rows.frame.select(
            table=pl.lit(number, dtype=pl.UInt32),
            row=pl.int_range(pl.len(), dtype=pl.UInt32),
            key=_key(by.field),
        )
        for number, rows in enumerate(tables)
    ]
    whole = pl.concat(keys)
    return whole.sort(
        "key", "table", "row", descending=[not by.ascending, False, False], nulls_last=True
    ).select("table", "row")


def _key(field: str) -> pl.Expr:
    columns = [pl.col(column).cast(pl.Int128) for column in FIELDS[field].columns]
    return columns[0] if len(columns) == 1 else columns[0] + columns[1]


def _runs(places: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Consecutive rows of the same table together."""
    if places.is_empty():
        return
    yield from places.with_columns(run=pl.col("table").rle_id()).partition_by("run", maintain_order=True)

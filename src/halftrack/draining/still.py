"""Whether an entry that is read again is still the one that was judged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Iterable

_SAME: Final = ("id", "status", "state")
_FIELDS: Final = {"mark": "mark", "label": "labels", "packets": "orig_packets", "bytes": "orig_bytes"}
"""Of filters, those whose value may change while no packet comes, and the column to be compared."""


def compared(fields: Iterable[str]) -> tuple[str, ...]:
    """Columns that have to be what they were, for a filter with these fields."""
    return (*_SAME, *(column for field, column in _FIELDS.items() if field in set(fields)))


def unchanged(
    seen: pl.DataFrame, again: pl.DataFrame, elapsed_s: float, columns: Iterable[str] = _SAME
) -> pl.Series:
    """Boolean, one per row: the same entry in the same state, and no packet has refreshed it.

    ``again``: the rows of ``seen`` read again, in their order, all null where an entry is gone.
    ``elapsed_s``: since ``seen`` was read whole. A packet gives an entry its whole time again, so
    one that has more left than before, less what has passed, has spoken; a second is for rounding.
    """
    pairs = pl.concat(
        [
            seen.select(pl.col(name).alias(f"seen_{name}") for name in (*columns, "timeout")),
            again.select(*columns, "timeout"),
        ],
        how="horizontal",
    )
    same = [pl.col(name).eq_missing(pl.col(f"seen_{name}")) for name in columns if name != "id"]
    silent = pl.col("timeout") <= pl.col("seen_timeout") - int(elapsed_s) + 1
    there = pl.col("id").is_not_null() & (pl.col("id") == pl.col("seen_id"))
    return pairs.select(pl.all_horizontal(there, silent, *same).fill_null(value=False).alias("same"))["same"]

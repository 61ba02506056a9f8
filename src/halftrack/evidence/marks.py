"""Several columns folded into one number a row.

Hashing the columns themselves takes many times the memory of a million rows. That two different
rows share a number is as good as excluded (2**-64 a pair); where that does not do, compare them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.flows import FEW

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

MIX: Final = np.uint64(0x9E37_79B9_7F4A_7C15)
"""2**64 over the golden ratio, as Fibonacci hashing multiplies with."""


def folded(marks: npt.NDArray[np.uint64], values: npt.NDArray[np.generic]) -> npt.NDArray[np.uint64]:
    """Another column folded into the numbers, in place."""
    marks ^= values.astype(np.uint64, copy=False)
    marks *= MIX
    marks ^= marks >> np.uint64(29)
    return marks


def marks(rows: pl.DataFrame, columns: Iterable[str]) -> npt.NDArray[np.uint64]:
    """A number per combination of these columns; null is a value of its own."""
    found = np.zeros(rows.height, np.uint64)
    for name in columns:
        column = rows[name]
        if isinstance(column.dtype, pl.Categorical | pl.Enum):
            column = column.to_physical()
        if column.null_count():
            column = (column.cast(pl.UInt64) + 1).fill_null(0)
            found = folded(found, column.to_numpy())
        else:
            # Addresses are never null; the other columns leave 0 to those that are.
            values = column.to_numpy().astype(np.uint64, copy=False)
            found = folded(found, values + np.uint64(column.dtype != pl.UInt64))
    return found


def counted(rows: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The different combinations of these columns and how many rows have each (``len``), in no order."""
    found = tally(marks(rows, columns))
    return pl.DataFrame([*(rows[name][found["first"]] for name in columns), found["len"]])


def tally(numbers: npt.NDArray[np.uint64]) -> pl.DataFrame:
    """Where each different number stands first (``first``) and how often it is there (``len``)."""
    if len(numbers) > FEW:
        rows = pl.DataFrame({"mark": numbers}).with_row_index("first")
        return rows.group_by("mark").agg(pl.col("first").min(), pl.len()).drop("mark")
    _, first, entries = np.unique(numbers, return_index=True, return_counts=True)
    return pl.DataFrame({"first": first.astype(np.uint32), "len": entries.astype(np.uint32)})

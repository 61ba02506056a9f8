"""Rows counted by their marks: the same as grouping by the columns themselves, few and many."""

from __future__ import annotations

from typing import Final

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import marks
from halftrack.evidence.flows import FEW

_SCHEMA: Final = {
    "hi": pl.UInt64, "port": pl.UInt16, "here": pl.Boolean, "owner": pl.UInt32, "service": pl.Categorical,
    "idle_s": pl.Int64,
}  # fmt: skip
_ROWS: Final = st.tuples(
    st.sampled_from([0, 1, 2**64 - 1]),
    st.sampled_from([None, 0, 80, 65_535]),
    st.booleans(),
    st.sampled_from([None, 0, 1]),
    st.sampled_from([None, "tcp/80", "tcp/443"]),
    st.sampled_from([0, 1, 2**62]),
)


def grouped(rows: pl.DataFrame) -> set[tuple[object, ...]]:
    return set(rows.group_by(rows.columns).len().iter_rows())


@given(st.lists(_ROWS, min_size=1, max_size=60))
def test_the_same_as_grouping_by_the_columns(given: list[tuple[object, ...]]) -> None:
    rows = pl.DataFrame(given, schema=_SCHEMA, orient="row")
    counted = marks.counted(rows, rows.columns)
    assert counted.columns == [*rows.columns, "len"]
    assert set(counted.iter_rows()) == grouped(rows)


@pytest.mark.parametrize("height", [0, FEW, FEW + 1])
def test_few_and_many(height: int) -> None:
    drawn = np.random.default_rng(7).integers(0, 50, (2, height))
    rows = pl.DataFrame({"hi": drawn[0].astype(np.uint64), "port": drawn[1].astype(np.uint16)})
    assert set(marks.counted(rows, rows.columns).iter_rows()) == grouped(rows)
    numbers = marks.marks(rows, rows.columns)
    first, entries = marks.tally(numbers)
    assert entries.sum() == height
    assert all((numbers[:place] != numbers[place]).all() for place in first)

"""Any table is diagnosed: whatever numbers a damaged or forged source holds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis import COLUMNS, examine
from halftrack.evidence.flows import SCHEMA, FlowTable
from halftrack.remedies import advise
from unit.anything import node

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 80))
def test_any_table_is_diagnosed(seed: int, height: int) -> None:
    found = examine(node(seed, height))
    chosen = [case.rows.mask for case in found.cases]

    assert msgspec.json.encode(found.diagnosis)
    assert sum(case.rows.height for case in found.cases) <= height
    assert all(mask.len() == height for mask in chosen)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_the_columns_that_are_asked_for_are_all_that_is_looked_at(seed: int, height: int) -> None:
    whole = node(seed, height)
    table, *others = whole.tables
    assert table.flows is not None
    asked = table.flows.frame.with_columns(
        pl.lit(None, dtype).alias(name) for name, dtype in SCHEMA.items() if name not in COLUMNS
    )
    narrow = dataclasses.replace(table, flows=FlowTable(asked, table.flows.opaque))
    less = dataclasses.replace(whole, tables=(narrow, *others))

    assert _judged(less) == _judged(whole)


def _judged(evidence: Evidence) -> bytes:
    found = examine(evidence)
    return msgspec.json.encode(advise(found.diagnosis, evidence, found.cases))

"""Any table is diagnosed: whatever numbers a damaged or forged source holds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis import COLUMNS, examine
from halftrack.evidence.flows import SCHEMA, FlowTable
from halftrack.evidence.values import LocalAddress, Namespace, Owner, Table
from halftrack.remedies import advise
from unit.flowrows import evidence, sockets

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence

KERNELS = (None, "2.6.32-042stab092.1", "6.12.48", "\x1b[31m", "")


HERE = (LocalAddress("0.0.0.3", 24, "docker0"), LocalAddress("?", 999, "br"))


def _column(
    name: str, dtype: pl.DataType | type[pl.DataType], dice: np.random.Generator, height: int
) -> pl.Series:
    """Values from all over a column's range, the small ones more often, and nulls."""
    if dtype == pl.String:
        return pl.Series(name, dice.choice(["", "ftp", "\x1b[0m"], height), dtype=dtype)
    top = {pl.Int64: 2**63 - 1, pl.UInt64: 2**64 - 1, pl.UInt32: 2**32 - 1, pl.UInt16: 2**16 - 1}.get(
        dtype, 255
    )
    values = [
        int(dice.integers(0, top, endpoint=True, dtype=np.uint64)) >> int(dice.integers(0, 64))
        for _ in range(height)
    ]
    if dtype == pl.Int64:
        values = [value if dice.random() < 0.8 else -value for value in values]
    if name == "l4proto":
        values = [int(dice.choice([6, 6, 6, 17, 1, 132, 47, value])) for value in values]
    if name == "state":
        values = [int(dice.choice([3, 3, 5, 1, value])) for value in values]
    if name.endswith("_lo") and dice.random() < 0.7:
        values = [(0xFFFF << 32) | (value & 3) for value in values]
    nulls = dice.random(height) < dice.choice([0, 0, 0.2, 1])
    return pl.Series(
        name, [None if gone else value for gone, value in zip(nulls, values, strict=True)], dtype=dtype
    )


def _node(seed: int, height: int) -> Evidence:
    dice = np.random.default_rng(seed)
    frame = pl.DataFrame([_column(name, dtype, dice, height) for name, dtype in SCHEMA.items()])
    owner = Owner("web\x1b[0m", "1", "podman", ("0.0.0.1", "not an address", "::2"), 7)
    inside = Table(
        Namespace("web", 7, owner=owner), sockets=sockets(("0.0.0.1", 80, "0.0.0.2", 1)), skipped=True
    )
    names = ("established", "unacknowledged", "max_retrans", "close_wait")
    texts = ("0", "1", "99999999999999999999", "-5", "", "432000", str(dice.integers(0, 10**6)))
    table = Table(
        Namespace("host"),
        count=int(dice.choice([0, height, 10**9])),
        limit=int(dice.choice([0, 1, height, 10**6])),
        buckets=int(dice.choice([0, 1, 65_536])),
        settings={
            f"net.netfilter.nf_conntrack_tcp_timeout_{name}": str(dice.choice(texts)) for name in names
        },
        flows=FlowTable(frame, pl.Series(["xx.xx.xx.73"])),
        addresses=(LocalAddress("0.0.0.3", 24, "docker0"), LocalAddress("?", 999, "br"))
        if seed % 2
        else None,
        sockets=sockets(("0.0.0.3", 22)) if seed % 3 else None,
    )
    return evidence(table, inside, owners=(owner,), kernel=KERNELS[seed % len(KERNELS)])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 80))
def test_any_table_is_diagnosed(seed: int, height: int) -> None:
    found = examine(_node(seed, height))
    chosen = [case.rows.mask for case in found.cases]

    assert msgspec.json.encode(found.diagnosis)
    assert sum(case.rows.height for case in found.cases) <= height
    assert all(mask.len() == height for mask in chosen)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 60))
def test_the_columns_that_are_asked_for_are_all_that_is_looked_at(seed: int, height: int) -> None:
    whole = _node(seed, height)
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

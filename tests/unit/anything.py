"""Nodes whose tables hold anything: whatever numbers a damaged or forged source may have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from halftrack.evidence.flows import SCHEMA, FlowTable
from halftrack.evidence.values import LocalAddress, Namespace, Owner, Table
from unit.flowrows import evidence, sockets

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence

KERNELS = (None, "2.6.32-042stab092.1", "6.12.48", "\x1b[31m", "")


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


def node(seed: int, height: int) -> Evidence:
    """The node of this seed; its host's table has so many entries."""
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

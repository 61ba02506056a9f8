"""How the entries of a case came to be, counted: proven by TCP flags, or inferred where a text has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from halftrack.diagnosis import origins
from halftrack.diagnosis.document import Began
from halftrack.diagnosis.entries import assured
from halftrack.evidence import uapi

if TYPE_CHECKING:
    from halftrack.diagnosis.rows import MarkedRows


def began(rows: MarkedRows) -> Began | None:
    """Of TCP entries that are one-sided or assured; None where there are none."""
    asked = (pl.col("l4proto") == uapi.IPPROTO_TCP) & (pl.col("one_sided") | assured())
    flags = origins.seen(rows.flows)
    if flags:
        counts = {name: pl.col("origin") == name for name in origins.ORIGINS.categories}
    else:
        # Without a reply the tracker gets there from a packet in mid-stream alone; the transitions are
        # those of nf_conntrack_proto_tcp.c. Of what is injected a text shows no difference.
        counts = {"pick-up": pl.col("one_sided")}
    told = rows.select(
        asked.fill_null(value=False).sum().alias("rows"),
        *((asked & test).fill_null(value=False).sum().alias(name) for name, test in counts.items()),
    ).row(0, named=True)
    if not told["rows"]:
        return None
    known = sum(told.get(name, 0) for name in origins.ORIGINS.categories)
    return Began(
        picked_up=told.get("pick-up", 0),
        handshake=told.get("handshake", 0),
        injected=told.get("injected", 0),
        unknown=told["rows"] - known,
        basis="tcp-flags" if flags else "unanswered" if known else None,
    )

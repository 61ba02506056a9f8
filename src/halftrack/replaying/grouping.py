"""Whose one-sided entries are: by the end that they have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import entries
from halftrack.evidence import uapi
from halftrack.replaying import ends
from halftrack.replaying.document import Group

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable

MOST: Final = 20
_SIDES: Final = (
    ("orig_src_hi", "orig_src_lo", "orig_sport"),
    ("orig_dst_hi", "orig_dst_lo", "orig_dport"),
)


def one_sided(flows: FlowTable) -> tuple[Group, ...]:
    """The ends with the most one-sided entries, ``MOST`` of them.

    Entries of a service have its end in common, on whichever side it stands: the one with fewer ends.
    """
    rows = flows.frame.lazy().filter(entries.one_sided()).collect()
    if not rows.height:
        return ()
    by_side = [_counted(rows, *sides) for sides in (_SIDES, _SIDES[::-1])]
    counted = min(by_side, key=lambda frame: frame.height)
    server_sent = counted is by_side[0]
    return tuple(
        Group(
            end=ends.text(ends.end((row["hi"], row["lo"]), row["port"])),
            protocol=uapi.PROTOCOL_NAMES[uapi.IPPROTO_TCP],
            sent=server_sent,
            entries=row["entries"],
            peers=row["peers"],
        )
        for row in counted.head(MOST).iter_rows(named=True)
    )


def _counted(rows: pl.DataFrame, own: tuple[str, ...], other: tuple[str, ...]) -> pl.DataFrame:
    """By one end, most entries first: how many, and how many addresses stand on the other side."""
    return (
        rows.lazy()
        .group_by(*(pl.col(name).alias(short) for name, short in zip(own, ("hi", "lo", "port"), strict=True)))
        .agg(pl.len().alias("entries"), pl.struct(other[:2]).n_unique().alias("peers"))
        .sort(-pl.col("entries").cast(pl.Int64), "hi", "lo", "port")
        .collect()
    )

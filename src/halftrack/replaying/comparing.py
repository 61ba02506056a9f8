"""Two replays of the same packets: the flows whose entries are not the same at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from halftrack.diagnosis import entries
from halftrack.evidence import uapi
from halftrack.replaying import ends
from halftrack.replaying.document import Difference, Standing
from halftrack.replaying.flows import Flow

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable

MOST: Final = 100
_ENDS: Final = tuple(f"{end}_{part}" for end in ("one", "other") for part in ("hi", "lo", "port"))
_KEY: Final = ("l4proto", *_ENDS, "ident")
_TOLD: Final = ("state", "one_sided", "timeout")


def differences(here: FlowTable, there: FlowTable) -> tuple[int, tuple[Difference, ...]]:
    """How many flows differ, and ``MOST`` of them: those with an entry on one side only first."""
    both = _keyed(here.frame).join(
        _keyed(there.frame), on=_KEY, how="full", suffix="_there", coalesce=True, nulls_equal=True
    )
    missing = pl.col("timeout").is_null() | pl.col("timeout_there").is_null()
    turned = pl.col("one_sided").ne_missing(pl.col("one_sided_there"))
    moved = pl.col("state").ne_missing(pl.col("state_there"))
    differ = both.with_columns(
        pl.when(missing).then(0).when(turned).then(1).when(moved).then(2).otherwise(3).alias("kind"),
        (pl.col("timeout") - pl.col("timeout_there")).abs().alias("apart"),
    ).filter((pl.col("kind") < 3) | (pl.col("apart") > 0))
    shown = differ.sort("kind", -pl.col("apart"), pl.col("id").fill_null(pl.col("id_there"))).head(MOST)
    return differ.height, tuple(_difference(row) for row in shown.iter_rows(named=True))


def _keyed(frame: pl.DataFrame) -> pl.DataFrame:
    """Ends in an order of their own: an entry that was picked up may lie the other way round."""
    source = [pl.col("orig_src_hi"), pl.col("orig_src_lo"), pl.col("orig_sport").fill_null(0)]
    target = [pl.col("orig_dst_hi"), pl.col("orig_dst_lo"), pl.col("orig_dport").fill_null(0)]
    turned = (source[0] > target[0]) | (
        (source[0] == target[0])
        & ((source[1] > target[1]) | ((source[1] == target[1]) & (source[2] > target[2])))
    )
    first, second = (
        [pl.when(turned).then(a).otherwise(b) for a, b in zip(one, other, strict=True)]
        for one, other in ((target, source), (source, target))
    )
    return frame.select(
        "l4proto",
        *(column.alias(name) for column, name in zip((*first, *second), _ENDS, strict=True)),
        pl.col("orig_icmp_id").alias("ident"),
        "state",
        entries.one_sided().alias("one_sided"),
        "timeout",
        "id",
    ).unique(_KEY, keep="last", maintain_order=True)


def _difference(row: dict[str, Any]) -> Difference:
    one, other = (
        ends.end((row[f"{end}_hi"], row[f"{end}_lo"]), row[f"{end}_port"]) for end in ("one", "other")
    )
    number = row["id"] if row["id"] is not None else row["id_there"]
    flow = Flow(one, other, row["l4proto"], row["ident"])
    return Difference(flow=str(flow), number=number, here=_standing(row, ""), there=_standing(row, "_there"))


def _standing(row: dict[str, Any], suffix: str) -> Standing | None:
    state, one_sided, left = (row[f"{name}{suffix}"] for name in _TOLD)
    if left is None:
        return None
    return Standing(state=None if state is None else uapi.TCP_STATES[state], one_sided=one_sided, left_s=left)

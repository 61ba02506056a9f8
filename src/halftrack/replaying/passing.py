"""Which packets of a capture pass the tracker, by where on their way they were captured.

A packet of a router is seen twice where both its interfaces are captured: on its way in, before the
tracker, and on its way out, behind it. The tracker sees it once.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

import polars as pl

from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Iterator

Position = Literal["all", "in", "out"]
POSITIONS: Final[tuple[Position, ...]] = ("all", "in", "out")

OTHER_WAY: Final = "other-way"
COPY: Final = "copy"
NOT_MODELLED: Final = "not-modelled"
TO_ITSELF: Final = "to-itself"
REASONS: Final = MappingProxyType(
    {
        OTHER_WAY: "that go the other way than --at says",
        COPY: "captured before on another interface",
        NOT_MODELLED: "of SCTP or DCCP, whose states are not modelled",
        TO_ITSELF: "from an end to the same end",
    }
)
"""Why a packet that could be read passes no tracker here: reason to words for "N packets ..."."""

_UNMODELLED: Final = (uapi.IPPROTO_SCTP, uapi.IPPROTO_DCCP)


def passing(frame: pl.DataFrame, at: Position) -> Iterator[tuple[str | None, pl.DataFrame]]:
    """A frame in parts: those that pass with None, the others with the reason. Parts may be empty."""
    reason = pl.lit(None, dtype=pl.String)
    itself = (
        (pl.col("src_hi") == pl.col("dst_hi"))
        & (pl.col("src_lo") == pl.col("dst_lo"))
        & pl.col("sport").eq_missing(pl.col("dport"))
        & ~pl.col("l4proto").is_in(uapi.ICMP_PROTOCOLS)
    )
    reason = pl.when(itself).then(pl.lit(TO_ITSELF)).otherwise(reason)
    reason = pl.when(pl.col("l4proto").is_in(_UNMODELLED)).then(pl.lit(NOT_MODELLED)).otherwise(reason)
    if at != "all":
        other = pl.col("outgoing").eq_missing(pl.lit(at == "in"))
        reason = pl.when(other).then(pl.lit(OTHER_WAY)).otherwise(reason)
    told = frame.select(reason.alias("reason"))["reason"]
    if told.null_count() == frame.height:
        yield None, frame
        return
    yield None, frame.filter(told.is_null())
    for why in REASONS:
        yield why, frame.filter(told == why)

"""Packets that a capture holds more than once, because more than one interface was captured.

A node's tracker sees a packet once, however many interfaces it goes by: in by one and out by another, over
a bridge and its ports. With ``tcpdump -i any`` each of these gives a copy, which the tracker's rules would
take for a retransmission. A copy has all numbers of its headers in common with the packet; what is sent
again by the same interface is none. What was translated on the way has other addresses and cannot be known.
"""

from __future__ import annotations

from typing import Final

import polars as pl

_IDENTITY: Final = (
    "family", "l4proto", "src_hi", "src_lo", "dst_hi", "dst_lo", "ip_id", "size", "broken",
    "sport", "dport", "flags", "seq", "ack", "window", "type", "code", "icmp_id",
)  # fmt: skip
_NOT_TOLD: Final = pl.col("interface").is_null() & pl.col("outgoing").is_not_null()
"""Of packets that came by any interface."""
_WITHIN_NS: Final = 1_000_000_000
"""For how long after its last packet an identity is remembered."""
_MOST: Final = 1 << 20
_PLACE: Final = "place"
_EMPTY: Final = pl.DataFrame(
    schema={"identity": pl.UInt64, _PLACE: pl.Int64, "count": pl.UInt32, "at_ns": pl.Int64}
)


class Copies:
    """Tells copies in the frames of one capture, which have to come in order."""

    def __init__(self) -> None:
        self._places: set[int] = set()
        self._waiting: pl.DataFrame | None = None
        self._known = _EMPTY

    def originals(self, frame: pl.DataFrame) -> pl.Series:
        """For each row whether it is the first of its packet.

        The n-th time that an interface shows an identity is a copy of the n-th time that another one did.
        """
        place = frame.lazy().select(_place()).collect().to_series()
        self._places.update(place.unique().to_list())
        if len(self._places) < 2:
            # Nothing can be a copy yet; this frame is looked at once another interface shows up.
            self._waiting = frame
            return pl.repeat(value=True, n=frame.height, dtype=pl.Boolean, eager=True)
        if self._waiting is not None:
            self._known = self._remembered(self._counted(self._waiting))
            self._waiting = None
        counted = self._counted(frame)
        first = pl.struct("identity", "nth").is_first_distinct()
        again = pl.col("numbered") & (pl.col("nth") > 1)
        originals = counted.select((pl.col("nth") > pl.col("most")) & first & ~again).to_series()
        self._known = self._remembered(counted)
        return originals

    def _counted(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows with ``nth``, how often their place has shown them; and ``most``, how often any had before.

        ``numbered``: nobody tells the place, but a number tells a copy from what is sent again.
        """
        seen = frame.lazy().select(
            pl.struct(_IDENTITY).hash().alias("identity"),
            _place(),
            "at_ns",
            (_NOT_TOLD & (pl.col("ip_id").fill_null(0) > 0)).alias("numbered"),
        )
        before = self._known.select("identity", _PLACE, "count")
        most = before.group_by("identity").agg(pl.col("count").max().alias("most"))
        return (
            seen.with_columns(pl.int_range(1, pl.len() + 1).over("identity", _PLACE).alias("within"))
            .join(before.lazy(), on=["identity", _PLACE], how="left", maintain_order="left")
            .join(most.lazy(), on="identity", how="left", maintain_order="left")
            .with_columns(
                (pl.col("within") + pl.col("count").fill_null(0)).alias("nth"),
                pl.col("most").fill_null(0),
            )
            .collect()
        )

    def _remembered(self, counted: pl.DataFrame) -> pl.DataFrame:
        """What is known after these rows, of packets that are not long past."""
        fresh = counted.select("identity", _PLACE, pl.lit(1, pl.UInt32).alias("count"), "at_ns")
        latest = pl.col("at_ns").max()
        return (
            pl.concat([self._known, fresh])
            .lazy()
            .group_by("identity", _PLACE, maintain_order=True)
            .agg(pl.col("count").sum().cast(pl.UInt32), latest)
            .filter(latest.over("identity") >= latest - _WITHIN_NS)
            .tail(_MOST)
            .collect()
        )


def _place() -> pl.Expr:
    """Where a packet was captured: an interface, and which way it went there; negative: nobody says."""
    way = pl.col("outgoing").cast(pl.Int64).fill_null(2)
    return (pl.col("interface").cast(pl.Int64).fill_null(-1) * 3 + way).alias(_PLACE)

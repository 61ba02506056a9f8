"""The clocks of an entry: how long it has been silent, and how long it exists.

``idle = timeout at the last packet - seconds left``. The timeout at the last packet is that of the
setting that keeps the entry (``tcp.keeping``). Where that cannot be told, idle is null.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence import uapi
from halftrack.tcp import keeping

if TYPE_CHECKING:
    from datetime import datetime

    import numpy.typing as npt

    from halftrack.tcp.timeouts import Timeouts

_FROZEN: Final = uapi.IPS_FIXED_TIMEOUT | uapi.IPS_OFFLOAD | uapi.IPS_HW_OFFLOAD

SLICE: Final = 1 << 17
"""Rows that are worked on at a time: what is computed on the way stays in the processor's cache."""


def idle(flows: pl.DataFrame, known: Timeouts, one_sided_s: int | None) -> pl.Series:
    """Seconds since the last packet, Int64; null where that cannot be told.

    ``flows`` needs the schema's columns and ``one_sided``. ``one_sided_s``: what a packet gives a
    one-sided entry. More left than the timeout allows (the setting was changed since, a policy, an
    injected entry) is null.
    """
    given = keeping.seconds(known, one_sided_s)
    parts = [_idle(part, known, given) for part in flows.iter_slices(SLICE)]
    return pl.concat(parts) if parts else pl.Series("idle_s", [], pl.Int64)


def _idle(flows: pl.DataFrame, known: Timeouts, given: npt.NDArray[np.int32]) -> pl.Series:
    left = flows["timeout"].fill_null(-1).to_numpy()
    status = flows["status"].to_numpy()
    at_last = given[keeping.rules(flows, known, given)]
    silent = at_last - left
    unknown = (at_last < 0) | (silent < 0) | (left < 0) | ((status & np.uint32(_FROZEN)) != 0)
    return pl.Series("idle_s", silent).set(pl.Series(unknown), None)


def age(flows: pl.DataFrame, taken_at: datetime | None) -> pl.Expr:
    """Seconds since the entry was made: its own stamp, else ``delta_time``; Int64, null where unstamped."""
    stamped = flows["start_ns"].null_count() < flows.height
    counted = flows["delta_time"].null_count() < flows.height
    printed = pl.col("delta_time").cast(pl.Int64)
    if not stamped or taken_at is None:
        return printed if counted else pl.lit(None, pl.Int64)
    now_ns = int(taken_at.timestamp()) * 1_000_000_000
    since = ((pl.lit(now_ns) - pl.col("start_ns")) // 1_000_000_000).clip(lower_bound=0)
    return pl.coalesce(since, printed) if counted else since

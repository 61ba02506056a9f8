"""The clocks of an entry: how long it has been silent, and how long it exists.

``idle = timeout at the last packet - seconds left``. The timeout at the last packet is that of the
setting that keeps the entry (``tcp.keeping``), as it was then (``past``). Where that cannot be told, idle
is null. Where it may have been one or another, idle is the least of what it may be, and said to be that.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.evidence import uapi
from halftrack.tcp import keeping

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from halftrack.diagnosis.past import Period

_Seconds: TypeAlias = npt.NDArray[np.signedinteger]
_Marks: TypeAlias = npt.NDArray[np.bool_]
_FROZEN: Final = uapi.IPS_FIXED_TIMEOUT | uapi.IPS_OFFLOAD | uapi.IPS_HW_OFFLOAD

_NEVER: Final = np.iinfo(np.int64).max
_ROUNDING_S: Final = 2
"""By so much a moment of a journal and an entry's whole seconds may differ."""

SLICE: Final = 1 << 17
"""Rows that are worked on at a time: what is computed on the way stays in the processor's cache."""


def idle(
    flows: pl.DataFrame, periods: Sequence[Period], seconds: float, drained: pl.DataFrame | None = None
) -> tuple[pl.Series, pl.Series]:
    """``idle_s``, seconds since the last packet, Int64, null where that cannot be told; and
    ``idle_at_least``, Boolean: whether it may be longer.

    ``flows`` needs the schema's columns and ``one_sided``. ``periods``: see ``past.periods``. ``seconds``:
    how long the entries were read. ``drained``: see ``FlowTable``. More left than any of the timeouts allows
    (a policy, an injected entry) is null.
    """
    slack_s = _ROUNDING_S + seconds
    parts = [_idle(part, periods, slack_s) for part in flows.iter_slices(SLICE)]
    if drained is not None:
        taken = drained.iter_slices(SLICE)
        parts = [
            _undrained(part, of_part, periods, slack_s, found)
            for part, of_part, found in zip(flows.iter_slices(SLICE), taken, parts, strict=True)
        ]
    silent = [each for each, _ in parts] or [pl.Series([], dtype=pl.Int64)]
    longer = [each for _, each in parts] or [pl.Series([], dtype=pl.Boolean)]
    return pl.concat(silent).alias("idle_s"), pl.concat(longer).alias("idle_at_least")


def _idle(flows: pl.DataFrame, periods: Sequence[Period], slack_s: float) -> tuple[pl.Series, pl.Series]:
    left = flows["timeout"].fill_null(-1).to_numpy()
    status = flows["status"].to_numpy()
    unknown = (left < 0) | ((status & np.uint32(_FROZEN)) != 0)
    if len(periods) == 1:
        silent, told = _silent(flows, left, periods[0])
        longer = np.zeros(len(left), np.bool_)
        unknown |= ~told
    else:
        silent, longer, told = _least(flows, left, periods, slack_s)
        unknown |= ~told
        longer &= ~unknown
    return pl.Series(silent).set(pl.Series(unknown), None), pl.Series(longer)


def _undrained(
    flows: pl.DataFrame,
    drained: pl.DataFrame,
    periods: Sequence[Period],
    slack_s: float,
    found: tuple[pl.Series, pl.Series],
) -> tuple[pl.Series, pl.Series]:
    """The same where a drain took time from some: by what they would have left without it.

    ``found``: as if none had. Where a packet since the drain may have given what is left as well, that is
    the least.
    """
    rows = (drained["taken_s"] > 0).arg_true()
    if rows.is_empty():
        return found
    some, told = flows[rows], drained[rows]
    silent, longer = _idle(some.with_columns(timeout=pl.col("timeout") + told["taken_s"]), periods, slack_s)
    by_packet = found[0].gather(rows)
    latest_s = told["ago_s"] + slack_s
    since = ((by_packet <= latest_s) & by_packet.ne_missing(silent)).fill_null(value=False)
    short_s = keeping.longest_short(periods[0].known)
    untold = by_packet.is_null() & (some["timeout"] <= short_s) & (short_s - some["timeout"] <= latest_s)
    silent = by_packet.zip_with(since, silent).set(untold, None)
    longer = (longer | since) & silent.is_not_null()
    return found[0].scatter(rows, silent), found[1].scatter(rows, longer)


def _silent(flows: pl.DataFrame, left: _Seconds, period: Period) -> tuple[_Seconds, _Marks]:
    """How long each entry is silent if these timeouts gave it what it has left, and whether they can have."""
    at_last = period.given[keeping.rules(flows, period.known, period.given)]
    silent = at_last - left
    return silent, (at_last >= 0) & (silent >= 0)


def _least(
    flows: pl.DataFrame, left: _Seconds, periods: Sequence[Period], slack_s: float
) -> tuple[_Seconds, _Marks, _Marks]:
    """The least that each may be silent, whether it may be more, and whether that can be told."""
    least = np.full(len(left), _NEVER)
    most = np.full(len(left), -1)
    untold = np.full(len(left), math.inf)
    for period in periods:
        at_last = period.given[keeping.rules(flows, period.known, period.given)]
        silent = (at_last - left).astype(np.int64)
        fits = np.zeros(len(left), np.bool_)
        for from_s, to_s in period.windows:
            fits |= (silent >= from_s - slack_s) & (silent <= to_s + slack_s)
        fits &= (at_last >= 0) & (silent >= 0)
        np.minimum(least, silent, out=least, where=fits)
        np.maximum(most, silent, out=most, where=fits)
        np.minimum(untold, period.since_s, out=untold, where=at_last < 0)
    return least, (most > least) | np.isfinite(untold), (most >= 0) & (least <= untold)


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

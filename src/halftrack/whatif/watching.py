"""Two moments of one table: how far apart they are, and what came in between."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.diagnosis import words
from halftrack.diagnosis.arrivals import Rate, Seconds
from halftrack.evidence import addresses
from halftrack.evidence.flows import TUPLE_COLUMNS

if TYPE_CHECKING:
    from halftrack.evidence.flows import FlowTable
    from halftrack.whatif.answering import Seen

_SIGMAS: Final = 2.0
_ROW: Final = "row"
_SHARED: Final = 5
"""Entries that have to say the same for it to be how far apart two moments are."""
_AGREE: Final = 0.2
"""Of the shared entries that became older."""
_BEFORE: Final = "_then"
_NEVER_ANEW: Final = ("idle-established",)
"""Cases that an entry joins long after it came: a new one among them says nothing of when it came."""


@dataclass(frozen=True, slots=True)
class Watched:
    """``rates`` of new entries by symptom. ``drift``: how many more entries of no case there are a second.

    ``interval_s`` 0: how far apart the two moments are cannot be told.
    """

    interval_s: int
    rates: Mapping[str, Rate]
    drift: float
    basis: str

    def widened(self, at_s: Seconds, low: Seconds, high: Seconds) -> tuple[Seconds, Seconds]:
        """Bounds with what the rest of the table did meanwhile, carried on for as long again."""
        more = self.drift * np.minimum(at_s, self.interval_s)
        return np.maximum(low + np.minimum(more, 0), 0), high + np.maximum(more, 0)


def in_order(one: FlowTable, other: FlowTable) -> tuple[bool, int | None]:
    """Whether ``one`` is the earlier of two moments, and the seconds between, by the entries of both.

    What no packet reached in between has less time left by just that. None where too few agree.
    """
    shared = _shared(one, other).select(apart=pl.col("timeout") - pl.col(f"timeout{_BEFORE}")).drop_nulls()
    apart = shared.to_series().to_numpy()
    best, most = None, 0
    for sign in (1, -1):
        older = -sign * apart
        older = older[older > 0]
        if not older.size:
            continue
        values, counts = np.unique(older, return_counts=True)
        at = int(np.argmax(counts))
        near = int(older[np.abs(older - values[at]) <= 1].size)
        if near >= max(_SHARED, _AGREE * older.size) and near > most:
            best, most = (sign == 1, int(values[at])), near
    return (True, None) if best is None else best


def watched(earlier: Seen, later: Seen, interval_s: int) -> Watched:
    """What came in ``interval_s`` seconds between two moments of a table."""
    then, now = earlier.view.table.flows, later.view.table.flows
    assert then is not None  # noqa: S101  # a view of what was read
    assert now is not None  # noqa: S101  # likewise
    known = _shared(then, now)[_ROW].to_numpy()
    new = np.ones(len(now), np.bool_)
    new[known] = False
    rates = {}
    told = []
    for case in later.cases:
        if case.symptom in _NEVER_ANEW:
            continue
        came = int(np.count_nonzero(new & case.rows.mask.to_numpy()))
        error = _SIGMAS * math.sqrt(max(came, 1))
        rates[case.symptom] = Rate(
            max(came - error, 0) / interval_s, came / interval_s, (came + error) / interval_s
        )
        told.append(f"{came:,} new {case.symptom} entries")
    rest_then = earlier.view.flows.height - sum(case.rows.height for case in earlier.cases)
    rest_now = later.view.flows.height - sum(case.rows.height for case in later.cases)
    change = rest_now - rest_then
    chance = _SIGMAS * math.sqrt(max(rest_then, rest_now, 1))
    drift = change / interval_s if abs(change) > chance else 0.0
    between = words.duration(interval_s)
    basis = f"{', '.join(told) or 'nothing that piles up'} in the {between} between two moments"
    if drift:
        basis += (
            f"; of the rest {abs(change):,} {'more' if change > 0 else 'fewer'}, which the bounds carry on"
        )
    return Watched(interval_s, rates, drift, basis)


def _shared(then: FlowTable, now: FlowTable) -> pl.DataFrame:
    """Entries of both: ``row`` and ``timeout`` of the later table, ``timeout_then`` of the earlier one."""
    names = [*TUPLE_COLUMNS, "timeout"]
    spelled = {text: place for place, text in enumerate(now.opaque)}
    places = np.array(
        [spelled.get(text, len(now.opaque) + place) for place, text in enumerate(then.opaque)] or [0],
        np.uint64,
    )
    before = then.frame.select(names)
    if len(then.opaque):
        before = before.with_columns(
            pl.when(pl.col(f"{stem}_hi") == addresses.OPAQUE_HI)
            .then(pl.Series(places).gather(_masked(before, stem, len(places))))
            .otherwise(pl.col(f"{stem}_lo"))
            .alias(f"{stem}_lo")
            for stem in ("orig_src", "orig_dst")
        )
    keys = [name for name in TUPLE_COLUMNS if now.frame[name].null_count() < len(now)]
    return (
        now.frame.select(names)
        .with_row_index(_ROW)
        .join(before.unique(keys, keep="last"), on=keys, how="inner", suffix=_BEFORE, nulls_equal=True)
    )


def _masked(frame: pl.DataFrame, stem: str, most: int) -> pl.Series:
    """Numbers of masked addresses' spellings; anything where an address is not masked."""
    return frame.select(
        pl.when(pl.col(f"{stem}_hi") == addresses.OPAQUE_HI)
        .then(pl.col(f"{stem}_lo"))
        .otherwise(0)
        .clip(0, most - 1)
    ).to_series()

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
    import numpy.typing as npt

    from halftrack.evidence.flows import FlowTable
    from halftrack.whatif.answering import Seen

_SIGMAS: Final = 2.0
_SHARED: Final = 5
"""Entries that have to say the same for it to be how far apart two moments are."""
_AGREE: Final = 0.2
"""Of the shared entries that became older."""
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
    shared = _shared(one, other)
    apart = (shared.now_s - shared.then_s)[(shared.now_s >= 0) & (shared.then_s >= 0)]
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
    new = np.ones(len(now), np.bool_)
    new[_shared(then, now).rows] = False
    rates = {}
    told = []
    for case in later.cases:
        if case.symptom in _NEVER_ANEW or case.shape == "steps":
            # Between two steps nothing comes, and in one many do: a mean of that says less than they do.
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


@dataclass(frozen=True, slots=True)
class _Shared:
    """Entries of both moments: their ``rows`` in the later table, and seconds left then and now; -1: none."""

    rows: npt.NDArray[np.intp]
    then_s: npt.NDArray[np.int64]
    now_s: npt.NDArray[np.int64]


def _shared(then: FlowTable, now: FlowTable) -> _Shared:
    """By 64 bits of a hash over tuple and zone: among a million entries hardly two have the same."""
    before, after = _names(then, now), _names(now, now)
    order = np.argsort(before)
    ordered = before[order]
    place = np.minimum(np.searchsorted(ordered, after), max(len(ordered) - 1, 0))
    rows = np.flatnonzero(ordered[place] == after) if len(ordered) else np.empty(0, np.intp)
    left_then, left_now = (each.frame["timeout"].fill_null(-1).to_numpy() for each in (then, now))
    return _Shared(rows, left_then[order[place[rows]]] if rows.size else left_now[rows], left_now[rows])


def _names(flows: FlowTable, latest: FlowTable) -> npt.NDArray[np.uint64]:
    """A number for each entry; masked addresses count by how they are written, in the later table's order."""
    frame = flows.frame.select(TUPLE_COLUMNS)
    if len(flows.opaque):
        spelled = {text: place for place, text in enumerate(latest.opaque)}
        places = pl.Series(
            [spelled.get(text, len(latest.opaque) + place) for place, text in enumerate(flows.opaque)],
            dtype=pl.UInt64,
        )
        frame = frame.with_columns(_renamed(stem, places) for stem in ("orig_src", "orig_dst"))
    return frame.hash_rows(seed=1).to_numpy()


def _renamed(stem: str, places: pl.Series) -> pl.Expr:
    lo, masked = pl.col(f"{stem}_lo"), pl.col(f"{stem}_hi") == addresses.OPAQUE_HI
    number = pl.when(masked).then(lo.clip(0, len(places) - 1)).otherwise(0)
    return pl.when(masked).then(pl.lit(places).gather(number)).otherwise(lo).alias(f"{stem}_lo")

"""How the stuck entries came: in a steady flow, in steps, in one burst, ever fewer.

A leak at each restart averages to a harmless rate and fills the table at the next restart, so
the shape is told before anything is computed from a rate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Shape, Timeline

_Counts: TypeAlias = npt.NDArray[np.int64]

FEWEST: Final = 8
"""Fewer entries than this have no shape and no rate."""
_FEWEST_BUCKETS: Final = 6
"""Two of them are parts only, and the rest must show something."""
CLOCKS_KNOWN: Final = 0.8
"""Share of the entries of which it must be known when they were last heard to tell a pace."""
BLIND_S: Final = 7500
"""Some symptoms hold only what has been silent for longer than a two-hour keepalive (7,200 s and
its probes): an empty end of this length means nothing."""
_MOST: Final = 0.8
"""Share of the entries that moments must hold to be the shape."""
_MOMENT_S: Final = 3600
_CROWDED: Final = 1 / 3
"""Share of the buckets above which busy ones are not moments any more."""
_ONSET: Final = 5
"""Times the usual pace at which the newest part is not the usual one any more."""
_ABOVE_NOISE: Final = 4.0
"""Standard deviations of a Poisson count."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A short time in which many entries came at once: buckets ``first`` up to, without, ``end``."""

    first: int
    end: int
    entries: int


def shape(timeline: Timeline | None) -> Shape:
    """The shape of a timeline.

    ``steps``: two or more moments hold 80 % of the entries, with quiet between them.
    ``burst``: one moment holds 80 %, and it is over.
    ``falling``: the later half holds less than half of the earlier one, beyond chance.
    ``steady``: no part of the time is empty or towers above the rest.
    ``unknown``: fewer than ``FEWEST`` entries, too short a time, or none of these: the newest bucket
    towers above all, too, and nobody knows whether that goes on.
    """
    if timeline is None:
        return "unknown"
    counts = seen(timeline)
    total = int(counts.sum())
    if total < FEWEST or len(counts) < _FEWEST_BUCKETS:
        return "unknown"
    found = crowds(counts, timeline.bucket_s)
    if sum(crowd.entries for crowd in found) >= _MOST * total:
        if len(found) > 1:
            return "steps"
        # A crowd in the newest bucket may as well be the begin of something that goes on.
        return "burst" if found[0].end < len(counts) else "unknown"
    if _falls(counts) and not _begins(counts):
        return "falling"
    return "steady" if _even(counts) and not _begins(counts) else "unknown"


def seen(timeline: Timeline) -> _Counts:
    """The counts without an empty end that the choice of the entries explains (``BLIND_S``)."""
    counts = np.asarray(timeline.entries, np.int64)
    blind = math.ceil(BLIND_S / timeline.bucket_s)
    if len(counts) <= blind:
        return counts
    busy = np.flatnonzero(counts)
    end = max(len(counts) - blind, int(busy[-1]) + 1 if busy.size else 0)
    return counts[:end]


def moments(timeline: Timeline | None) -> tuple[Moment, ...]:
    """The moments of ``steps`` or of a ``burst``, oldest first; empty for the other shapes."""
    if timeline is None or shape(timeline) not in ("steps", "burst"):
        return ()
    return crowds(seen(timeline), timeline.bucket_s)


def rate_per_minute(entries: int, oldest_s: int | None, youngest_s: int | None) -> float | None:
    """Entries a minute between the oldest and the youngest age; None where too few or too short."""
    if oldest_s is None or youngest_s is None or entries < FEWEST or oldest_s - youngest_s < 60:
        return None
    return round((entries - 1) * 60 / (oldest_s - youngest_s), 2)


def crowds(counts: _Counts, bucket_s: int) -> tuple[Moment, ...]:
    """Runs of buckets that tower above the rest; none where they are too long or too many to be moments."""
    mean, middle = float(counts.mean()), float(np.median(counts))
    towers = counts > max(2 * mean, mean + _ABOVE_NOISE * math.sqrt(mean))
    # A moment that straddles the edge of a bucket leaves a lower one beside the tower.
    raised = counts > middle + _ABOVE_NOISE * math.sqrt(middle + 1)
    raised |= towers
    edges = np.flatnonzero(np.diff(raised, prepend=False, append=False))
    runs = [(int(a), int(b)) for a, b in edges.reshape(-1, 2) if towers[a:b].any()]
    longest = max(2, math.ceil(_MOMENT_S / bucket_s) + 1)
    if any(b - a > longest for a, b in runs) or towers.sum() > max(1, _CROWDED * len(counts)):
        return ()
    return tuple(Moment(a, b, int(counts[a:b].sum())) for a, b in runs)


def _falls(counts: _Counts) -> bool:
    """The newest quarter came at less than half the pace of the rest, beyond chance."""
    inner = whole(counts)
    quarter = max(len(inner) // 4, 1)
    late, early = int(inner[-quarter:].sum()), int(inner[:-quarter].sum())
    due = early * quarter / (len(inner) - quarter)
    return late < due / 2 and due - late > _ABOVE_NOISE * math.sqrt(due)


def _begins(counts: _Counts) -> bool:
    """Something has just begun: one of the two newest buckets towers above the rest."""
    usual = float(counts[1:-2].mean())
    return bool(counts[-2:].max() > max(_ONSET * usual, usual + _ABOVE_NOISE * math.sqrt(usual) + FEWEST))


def _even(counts: _Counts) -> bool:
    inner = whole(counts)
    parts = min(len(inner), 12, int(inner.sum()) // 12)
    if parts < 3:
        return False
    paces = np.array([part.mean() for part in np.array_split(inner, parts)])
    return bool((paces >= inner.mean() / 4).all() and (paces <= 3 * inner.mean()).all())


def whole(counts: _Counts) -> _Counts:
    """Without the buckets at both ends, of which only a part lies between oldest entry and dump."""
    return counts[1:-1]

"""How the entries of one case will come and go: what is there expires, more arrives as it did before.

Every packet-less entry ends one lifetime after its last packet, so the dump itself says when each of
the present ones goes. What arrives is carried on in its shape: a rate where it came steadily, whole
steps where it came in steps, nothing more where it was one burst.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.diagnosis import shape as shapes
from halftrack.diagnosis.arrivals import Rate, Steps
from halftrack.diagnosis.entries import connected
from halftrack.diagnosis.paced import Paced
from halftrack.diagnosis.silences import Clock
from halftrack.diagnosis.symptoms import orphaned
from halftrack.diagnosis.symptoms.idle_established import quiet_s
from halftrack.diagnosis.timeline import Ages, ages, heard
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Shape, Timeline
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.shape import Moment

_SAMPLE: Final = 10_000
_PARTS: Final = 12
_TWO_SIGMA: Final = 2.0
_SIGNIFICANT: Final = 4.0
_TRIFLE: Final = 1 / 24
"""Of an entry's life."""
_CELLS: Final = 20_000
_FEWEST_CELLS: Final = 10
_FEWEST_S: Final = 60
_FEWEST_NEW: Final = 30
_FEWEST_BUCKETS: Final = 3
_YOUNG_BUCKET_S: Final = 300


@dataclass(frozen=True, slots=True)
class Growth:
    """One case's entries over time. ``arrivals`` None: no more are expected, or nobody can tell (shape).

    ``entries`` counts all rows of the case; those whose end is not known are taken to stay.
    """

    shape: Shape
    entries: int
    lifetime_s: int | None
    arrivals: Rate | Steps | None
    ends: Clock
    """When the present entries end, seconds from now."""
    seen_s: int
    """How far back the entries reach."""
    timed: int
    """Entries of which it is known when they were last heard."""
    paced: Paced | None = None
    """Where entries come at a rate."""
    blind_s: int = 0
    """How long an entry is silent before the symptom holds it; until then it is among the rest."""

    @property
    def told(self) -> bool:
        """The shape, or that something has just begun."""
        return self.lifetime_s is not None and (self.shape != "unknown" or self.arrivals is not None)

    @property
    def too_brief(self) -> bool:
        """That no more come is not believed of a pause that is a trifle beside what an entry lives."""
        if self.lifetime_s is None or self.shape in ("steady", "unknown"):
            return False
        return self.arrivals_end and self.seen_s < _TRIFLE * self.lifetime_s

    @property
    def arrivals_end(self) -> bool:
        """Whether nothing more is expected, or ever less."""
        return self.arrivals is None or self.shape == "falling"


def growth(case: Case) -> Growth:
    """What the case's entries, by the moments when they were last heard, say about those to come."""
    idle = ages(case.rows, "idle_s")
    known = idle.size >= shapes.CLOCKS_KNOWN * max(case.rows.height, 1)
    drawn = heard(case.rows, case.view) if known else None
    if drawn is None:
        return Growth("unknown", case.rows.height, None, None, Clock.of(idle[:0]), 0, idle.size)
    lifetime_s = lifetime(case) if case.view.retimed else None
    if lifetime_s is None:
        lifetime_s = _lifetime_s(case.rows)
        ends = np.clip(lifetime_s - idle, 0, lifetime_s)
    else:  # those that are there were given another time, and go when that is over
        ends = case.rows.column("timeout").drop_nulls().to_numpy()
    shape = shapes.shape(drawn)
    arrivals = _arrivals(case, drawn, shape, idle)
    return Growth(
        shape=shape,
        entries=case.rows.height,
        lifetime_s=lifetime_s,
        arrivals=arrivals,
        ends=Clock.of(ends + 1),
        seen_s=int(idle.max()),
        timed=idle.size,
        paced=_paced(arrivals, idle, _end_s(case, drawn), drawn.bucket_s),
        blind_s=quiet_s(case.view) if case.symptom == "idle-established" else 0,
    )


def _paced(arrivals: Rate | Steps | None, idle: Ages, end_s: int, bucket_s: int) -> Paced | None:
    if not isinstance(arrivals, Rate):
        return None
    if arrivals.buckets is not None:
        youngest_s, oldest_s = (end_s - edge * bucket_s for edge in reversed(arrivals.buckets))
    else:
        youngest_s, oldest_s = 0, arrivals.lately_s or 0
    return Paced.of(arrivals.likely * 60, youngest_s, oldest_s, idle)


def _lifetime_s(rows: MarkedRows) -> int:
    """What a packet gives such an entry: the same for nearly all, so the middle of a sample."""
    known = rows.select("idle_s", "timeout").drop_nulls()
    some = known.gather_every(max(known.height // _SAMPLE, 1))
    middle = some.select((pl.col("idle_s") + pl.col("timeout")).median()).item()
    return max(int(middle or 0), 1)


def lifetime(case: Case) -> int | None:
    """What a packet gives such an entry now, where the entries' own clocks do not tell.

    As after a timeout was changed: those that are there were given another time.
    """
    seen = case.view
    if case.symptom == "one-sided" or (case.symptom == "orphaned" and orphaned.unanswered(case)):
        return seen.one_sided_s
    lasting = case.symptom in ("orphaned", "idle-established")
    return seen.timeouts.values.get(timeouts.ESTABLISHED) if lasting else None


def _arrivals(case: Case, drawn: Timeline, shape: Shape, idle: Ages) -> Rate | Steps | None:
    if shape in {"steady", "falling", "unknown"} and case.symptom != "idle-established":
        begun = _onset(idle)
        if begun is not None:
            return begun
    if shape in {"steady", "falling"}:
        return pace_of(drawn, shape, keeps_speaking=case.symptom == "idle-established")
    if shape == "steps":
        steps = _steps(case, drawn, idle)
        return None if steps.over else steps
    return None


def has_pace(drawn: Timeline) -> bool:
    """Whether anything is between its first and its last bucket, which are not whole."""
    return len(shapes.seen(drawn)) >= _FEWEST_BUCKETS


def pace_of(drawn: Timeline, shape: Shape, *, keeps_speaking: bool = False) -> Rate:
    """How fast entries come that come at a pace of their own: those that are gone again counted in.

    ``shape``: steady, which takes ``has_pace``, or falling, of which the latest quarter counts.
    ``keeps_speaking``: see ``_rate``.
    """
    if shape == "steady":
        return _rate(drawn, keeps_speaking=keeps_speaking)
    counts = shapes.seen(drawn)
    return _bounded(counts, drawn.bucket_s, len(counts) - max(len(counts) // 4, 1))


def _rate(drawn: Timeline, *, keeps_speaking: bool) -> Rate:
    """The pace of the whole time, or of its latest third where that is clearly faster.

    Among connections that may speak again the young ones are many because most of them will: what
    stays is told by the older half, and what comes at most by the younger one.
    """
    counts = shapes.seen(drawn)
    whole = shapes.whole(counts)
    last = len(counts) - 1
    if keeps_speaking:
        half = 1 + max(len(whole) // 2, 1)
        older, younger = (
            _bounded(counts, drawn.bucket_s, 1, half),
            _bounded(counts, drawn.bucket_s, half, last),
        )
        return replace(older, fast=max(older.fast, younger.fast))
    overall = _bounded(counts, drawn.bucket_s, 1, last)
    begin = last - max(len(whole) // 3, 1)
    third = counts[begin:last]
    expected = whole.mean() * len(third)
    if third.sum() - expected <= _SIGNIFICANT * math.sqrt(expected):
        return overall
    return replace(_bounded(counts, drawn.bucket_s, begin, last), slow=overall.likely)


def _onset(idle: Ages) -> Rate | None:
    """The pace of the newest part, where it holds far more than any earlier part of the same length.

    None where nothing stands out, where it is over again, or where it lasts too short to have a pace.
    """
    span_s = int(idle.max())
    cell_s = max(span_s // _CELLS, 1)
    upto = np.concatenate([[0], np.cumsum(np.bincount(idle // cell_s))])
    found, most = None, 0.0
    for width in np.unique(np.geomspace(_FEWEST_CELLS, max(len(upto) // 4, _FEWEST_CELLS), 40).astype(int)):
        if width * cell_s < _FEWEST_S or 2 * width >= len(upto):
            continue
        new = int(upto[width])
        earlier = float((upto[2 * width :] - upto[width:-width]).max())
        goes_on = upto[max(width // 2, 1)] >= new / 4
        stands_out = new > 2 * earlier and new - earlier > _SIGNIFICANT * math.sqrt(earlier + 1)
        usual = float(upto[-1] - new) / (len(upto) - 1 - width) * width
        excess = (new - usual) / math.sqrt(usual + 1)
        if goes_on and stands_out and new >= _FEWEST_NEW and excess > most:
            found, most = width, excess
    if found is None:
        return None
    lately_s = int(found) * cell_s
    new = int(upto[found])
    error = _TWO_SIGMA * math.sqrt(new) / lately_s
    before = float(upto[-1] - new) / max(span_s - lately_s, 1)
    return Rate(before, new / lately_s, new / lately_s + error, lately_s)


def _bounded(every: npt.NDArray[np.int64], bucket_s: int, begin: int, end: int | None = None) -> Rate:
    """Mean pace with the larger of Poisson's error and the one that the buckets themselves show."""
    counts = every[begin:end]
    likely = float(counts.sum()) / (len(counts) * bucket_s)
    poisson = math.sqrt(max(float(counts.sum()), 1.0)) / (len(counts) * bucket_s)
    parts = [part.mean() / bucket_s for part in np.array_split(counts, min(len(counts), _PARTS))]
    shown = float(np.std(parts)) / math.sqrt(len(parts))
    error = _TWO_SIGMA * max(poisson, shown)
    return Rate(max(likely - error, 0.0), likely, likely + error, buckets=(begin, begin + len(counts)))


def _steps(case: Case, drawn: Timeline, idle: Ages) -> Steps:
    """Sizes from the timeline, times from the entries: a bucket may be hours wide."""
    end_s = _end_s(case, drawn)
    found = shapes.moments(drawn)
    sizes = tuple(moment.entries for moment in found)
    times = [_middle(idle, moment, drawn.bucket_s, end_s) for moment in found]
    usual_s = float(np.median(-np.diff(times)))
    unseen_s = quiet_s(case.view) if case.symptom == "idle-established" else 0
    if unseen_s:
        for age_s in _young_crowds(case, unseen_s, min(sizes) // 2):
            # A step across the limit of the symptom is one step.
            if times[-1] - age_s >= usual_s / 2:
                times.append(age_s)
    return Steps(
        sizes=sizes,
        intervals_s=tuple(max(older - younger, 1) for older, younger in pairwise(times)),
        since_s=times[-1],
        unseen_s=unseen_s,
    )


def _young_crowds(case: Case, unseen_s: int, fewest: int) -> list[int]:
    """How long ago crowds of the same services fell silent that the symptom does not hold yet, oldest first.

    What spoke within the last bucket is left out: connections in use are a crowd there at any time.
    """
    services = case.rows.column("service").unique().drop_nulls()
    young = pl.col("idle_s").is_between(_YOUNG_BUCKET_S, unseen_s, closed="left")
    same = connected() & young & pl.col("service").is_in(services.implode())
    idle = case.view.flows.lazy().filter(same).select("idle_s").collect().to_series().to_numpy()
    buckets = math.ceil(unseen_s / _YOUNG_BUCKET_S)
    # The oldest bucket first, as in a timeline.
    place = buckets - 1 - idle // _YOUNG_BUCKET_S
    counts = np.bincount(place, minlength=buckets).astype(np.int64)
    return [
        int(np.median(idle[(place >= crowd.first) & (place < crowd.end)]))
        for crowd in shapes.crowds(counts, _YOUNG_BUCKET_S)
        if crowd.entries >= fewest
    ]


def _end_s(case: Case, drawn: Timeline) -> int:
    """Seconds from the begin of the timeline to the dump."""
    taken_at = case.view.evidence.taken_at
    if drawn.start is None or taken_at is None:
        return len(drawn.entries) * drawn.bucket_s
    return int(taken_at.timestamp()) - int(drawn.start.timestamp())


def _middle(idle: Ages, moment: Moment, bucket_s: int, end_s: int) -> int:
    oldest, youngest = end_s - moment.first * bucket_s, end_s - moment.end * bucket_s
    inside = idle[(idle <= oldest) & (idle > youngest)]
    return int(np.median(inside)) if inside.size else max((oldest + youngest) // 2, 0)

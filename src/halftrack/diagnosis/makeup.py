"""What a table is made of, as parts that come and go each in their own way (``course``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.diagnosis import forecast, origins
from halftrack.diagnosis.arrivals import Rate
from halftrack.diagnosis.clocks import SLICE
from halftrack.diagnosis.conditions import Conditions
from halftrack.diagnosis.course import Course
from halftrack.diagnosis.parts import Part
from halftrack.diagnosis.silences import Clock, Turnover
from halftrack.evidence.flows import select
from halftrack.tcp import keeping

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.conditions import Service
    from halftrack.diagnosis.course import Shares
    from halftrack.diagnosis.growth import Growth
    from halftrack.diagnosis.view import View
    from halftrack.tcp.keeping import Span

_RULES: Final = 64
_PICK_UP: Final = "pick-up"
_HANDSHAKE: Final = "handshake"


@dataclass(frozen=True, slots=True)
class Makeup:
    """``course`` under the settings of today. ``doubt``: why not all of it can be told; None where it can.

    ``growing``: of the cases that pile up, by symptom, how they do.
    """

    course: Course
    doubt: str | None
    growing: Mapping[str, Growth]


def of(view: View, cases: Sequence[Case], measured: Mapping[str, Rate] | None = None) -> Makeup:
    """Of one table and its cases. ``measured``: what came of a case a second, where somebody watched it."""
    grown = forecast.grown(cases)
    kinds = _Kinds.of(view, [case for case in cases if case.symptom in grown])
    conditions = Conditions.of(view)
    known = {symptom: rate for symptom, rate in (measured or {}).items() if symptom in grown}
    grown = {
        symptom: replace(each, shape="steady", arrivals=known[symptom]) if symptom in known else each
        for symptom, each in grown.items()
    }
    why_not = forecast.doubt(view, tuple(grown.values()))
    making = _Making(view, conditions.spans(), doubtful=why_not is not None)
    symptoms = (None, *grown)
    parts = []
    for kind, entries in kinds.counts.items():
        symptom, rule = symptoms[kind // _RULES], kind % _RULES
        rows = np.flatnonzero(kinds.numbers == kind)
        if symptom is None:
            part = making.in_use(rows, rule)
        else:
            share = entries / kinds.of_case(kind // _RULES) if rule != keeping.UNTOLD else 0.0
            part = making.stuck(rows, rule, symptom, _Growing(grown[symptom], symptom in known, share))
        parts.append(making.with_origins(part, rows))
    unseen = forecast.level(view) - view.flows.height
    limit = view.table.limit or None
    return Makeup(Course(tuple(parts), unseen, limit, conditions, kinds.shares(view)), why_not, grown)


@dataclass(frozen=True, slots=True)
class _Kinds:
    """``numbers``: of each entry, that of its case times ``_RULES`` and its rule's. ``counts``: of each."""

    numbers: npt.NDArray[np.uint16]
    counts: Mapping[int, int]

    @classmethod
    def of(cls, view: View, cases: Sequence[Case]) -> _Kinds:
        flows = view.flows
        given = keeping.seconds(view.timeouts, view.one_sided_s)
        pieces = [keeping.rules(part, view.timeouts, given) for part in flows.iter_slices(SLICE)]
        numbers = np.concatenate([np.empty(0, np.uint16), *pieces]).astype(np.uint16)
        # No clock, or that of a timeout of before, which nothing is given any more.
        timeless = (flows["idle_s"] + flows["timeout"]).fill_null(-2).to_numpy() != given[numbers]
        for number, case in enumerate(cases, start=1):
            mask = case.rows.mask.to_numpy()
            numbers[mask] += np.uint16(number * _RULES)
            timeless &= ~mask
        # What is in use and has no clock was given its time otherwise.
        numbers[timeless] = keeping.UNTOLD
        counts = np.bincount(numbers)
        return cls(numbers, {int(kind): int(counts[kind]) for kind in np.flatnonzero(counts)})

    def of_case(self, number: int) -> int:
        """Entries of a case whose rule is known."""
        return sum(
            entries
            for kind, entries in self.counts.items()
            if kind // _RULES == number and kind % _RULES != keeping.UNTOLD
        )

    def shares(self, view: View) -> Shares:
        def of(service: Service) -> list[float]:
            mask = select(view.flows, service.matches(view.opaque)).to_series().to_numpy()
            found = np.bincount(self.numbers[mask], minlength=max(self.counts, default=0) + 1)
            return [float(found[kind] / entries) for kind, entries in self.counts.items()]

        return of


@dataclass(frozen=True, slots=True)
class _Growing:
    """How a case grows. ``measured``: somebody watched it; ``share``: one part's of it."""

    case: Growth
    measured: bool
    share: float


@dataclass(frozen=True, slots=True)
class _Making:
    """Parts out of rows of a view. ``doubtful``: of the whole table too little can be told."""

    view: View
    spans: Sequence[Span | None]
    doubtful: bool

    def in_use(self, rows: npt.NDArray[np.intp], rule: int) -> Part:
        """Entries of no case: as many at any moment. Those without a clock are taken to stay."""
        lives = self.spans[rule]
        if rule != keeping.UNTOLD and lives is not None:
            return self._turned_over(None, rows, rule, lives)
        return Part(None, keeping.UNTOLD, rows.size, self._ends(rows))

    def stuck(self, rows: npt.NDArray[np.intp], rule: int, symptom: str, growing: _Growing) -> Part:
        """Entries of a case, none of which is heard again."""
        ends, lives, grown = self._ends(rows), self.spans[rule], growing.case
        if _passing(grown) and lives is not None:
            return self._turned_over(symptom, rows, rule, lives)
        if growing.measured or (grown.told and not (self.doubtful and grown.too_brief)):
            return Part(
                symptom,
                rule,
                rows.size,
                ends,
                grown.arrivals,
                share=growing.share,
                lives=lives,
                blind_s=grown.blind_s,
                given_s=grown.lifetime_s or 0,
            )
        if grown.lifetime_s is not None and lives is not None and not self.doubtful:
            # So few that they are a level: see forecast.doubt.
            return self._turned_over(symptom, rows, rule, lives)
        return Part(symptom, rule, rows.size, ends, told=not self.doubtful, lives=lives)

    def with_origins(self, part: Part, rows: npt.NDArray[np.intp]) -> Part:
        """How much of it begins in mid-stream: what is one-sided can begin in no other way."""
        if part.rule == keeping.ONE_SIDED or part.symptom == "one-sided":
            return replace(part, picked_up=1.0, maybe=1.0)
        if not keeping.may_be_picked_up(part.rule):
            return part
        if not origins.seen(self.view.flows):
            return replace(part, maybe=1.0)
        origin = self.view.flows["origin"][pl.Series(rows)]
        return replace(
            part,
            picked_up=int((origin == _PICK_UP).sum()) / rows.size,
            maybe=1 - int((origin == _HANDSHAKE).sum()) / rows.size,
        )

    def _turned_over(self, symptom: str | None, rows: npt.NDArray[np.intp], rule: int, lives: Span) -> Part:
        given_s = lives.fast
        idle = self.view.flows["idle_s"][pl.Series(rows)]
        silences = Clock.of(idle.fill_null(given_s).to_numpy())
        ends = Clock.of(given_s + 1 - silences.seconds.astype(np.int64))
        return Part(symptom, rule, rows.size, ends, Turnover(silences, given_s), lives=lives)

    def _ends(self, rows: npt.NDArray[np.intp]) -> Clock:
        left = self.view.flows["timeout"][pl.Series(rows)].drop_nulls()
        return Clock.of(left.to_numpy() + 1)


def _passing(grown: Growth) -> bool:
    """Gone so soon that they are replaced all the time, as long as nothing began just now."""
    if grown.lifetime_s is None or grown.lifetime_s > forecast.PASSING_S:
        return False
    return not isinstance(grown.arrivals, Rate) or grown.arrivals.lately_s is None

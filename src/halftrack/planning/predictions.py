"""A table's size over time, as it is and under what a plan changes.

What is there goes when its time is over; what arrives goes on arriving as it did, and lives as long
as the setting of the day gives it. Entries that no finding holds are taken to stay as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis import forecast
from halftrack.diagnosis.growth import Growth, growth
from halftrack.plans.document import Point

if TYPE_CHECKING:
    from halftrack.diagnosis.arrivals import Seconds
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.view import View

MOMENTS_S: Final = (3_600, 21_600, 86_400, 172_800, 432_000)


@dataclass(frozen=True, slots=True)
class Stream:
    """One case's entries. ``lifetimes``: shares of what arrives, and how long each of them lives.

    ``cleared`` of those that are there now go within ``cleared_s`` seconds.
    """

    symptom: str
    growth: Growth
    lifetimes: tuple[tuple[float, int], ...]
    cleared: int = 0
    cleared_s: int = 0

    def entries(self, at_s: Seconds) -> Seconds:
        here = self.growth.left(at_s)
        if self.cleared and self.growth.entries:
            stays = 1 - self.cleared / self.growth.entries
            here = np.where(at_s >= self.cleared_s, here * stays, here)
        for share, lifetime_s in self.lifetimes:
            here = here + share * self.growth.come(at_s, "likely", lifetime_s)
        return np.asarray(here, np.float64)

    def living(self, lifetime_s: int, share: float) -> Stream:
        """``share`` of what arrives lives so long at most."""
        shorter = [(part * share, min(old, lifetime_s)) for part, old in self.lifetimes]
        rest = [(part * (1 - share), old) for part, old in self.lifetimes if share < 1]
        return replace(self, lifetimes=(*shorter, *rest))


@dataclass(frozen=True, slots=True)
class Course:
    """The table: ``rest`` entries that stay as many, and the streams of its cases.

    ``limit``: never more than so many; None where there is none, or it is not known.
    """

    rest: int
    streams: tuple[Stream, ...]
    limit: int | None = None

    def entries(self, at_s: Sequence[float]) -> list[int]:
        """Entries at these moments from now, seconds."""
        moments = np.asarray(at_s, np.float64)
        total = self.rest + sum((each.entries(moments) for each in self.streams), np.zeros_like(moments))
        counts = [round(float(each)) for each in total]
        return counts if self.limit is None else [min(each, self.limit) for each in counts]

    def points(self) -> tuple[Point, ...]:
        counts = self.entries(MOMENTS_S)
        return tuple(Point(at_s=at, entries=count) for at, count in zip(MOMENTS_S, counts, strict=True))

    def living(self, symptoms: Sequence[str], lifetime_s: int, share: float = 1.0) -> Course:
        """What shows these symptoms lives so long at most, from now on."""
        return replace(
            self,
            streams=tuple(
                each.living(lifetime_s, share) if each.symptom in symptoms else each for each in self.streams
            ),
        )

    def cleared(self, symptom: str, entries: int, within_s: int) -> Course:
        """So many of the entries that show it go within so many seconds."""
        return replace(
            self,
            streams=tuple(
                replace(each, cleared=min(entries, each.growth.entries), cleared_s=within_s)
                if each.symptom == symptom
                else each
                for each in self.streams
            ),
        )


def course(view: View, cases: Sequence[Case]) -> Course | None:
    """Of one table and its cases; None where the evidence does not tell how it goes on."""
    grown = [(case.symptom, growth(case)) for case in cases if case.rows.height and not forecast.rests(case)]
    if forecast.doubt(view, [each for _, each in grown]) is not None:
        return None
    streams = tuple(
        Stream(symptom, each, ((1.0, each.lifetime_s),))
        for symptom, each in grown
        if each.told and each.lifetime_s is not None
    )
    stuck = sum(each.growth.entries for each in streams)
    return Course(max(forecast.level(view) - stuck, 0), streams, view.table.limit or None)

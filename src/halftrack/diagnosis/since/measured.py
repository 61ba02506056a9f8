"""What came between two moments, as the pace that a forecast goes by in place of what one dump lets infer."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis.arrivals import Rate
from halftrack.diagnosis.course import Drift
from halftrack.diagnosis.growth import lifetime
from halftrack.diagnosis.paced import Paced
from halftrack.diagnosis.silences import Clock
from halftrack.diagnosis.since.known import NUMBERS
from halftrack.diagnosis.timeline import ages

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.growth import Growth
    from halftrack.diagnosis.since.tables import Compared

_SIGMAS: Final = 2.0
_SIGNIFICANT: Final = 4.0
_UNSTEADY: Final = ("steps", "burst")
"""Two moments tell how many came, not that they came at once: the entries themselves do."""

_JOINED_LATE: Final = ("idle-established",)
"""What is silent may speak again: of those that join it most leave it."""


@dataclass(frozen=True, slots=True)
class Measured:
    """``seconds`` between both moments. ``rates``: at which entries joined each symptom, new or not.

    ``drift``: of entries of no symptom; None where it may be chance.
    """

    seconds: int
    rates: Mapping[str, Rate]
    drift: Drift | None = None

    def per_minute(self, symptom: str) -> float:
        return round(self.rates[symptom].likely * 60, 2)

    def applied(self, growing: Mapping[str, Growth], cases: Sequence[Case]) -> dict[str, Growth]:
        """How cases grow, by what was measured wherever that says more than their own entries do."""
        of = {case.symptom: case for case in cases}
        return {symptom: self._grown(each, of[symptom]) for symptom, each in growing.items()}

    def _grown(self, grows: Growth, case: Case) -> Growth:
        lifetime_s = grows.lifetime_s or lifetime(case)
        if case.symptom in _JOINED_LATE or grows.shape in _UNSTEADY or lifetime_s is None:
            return grows
        rate, over_s = self.rates[case.symptom], min(self.seconds, lifetime_s)
        if isinstance(grows.arrivals, Rate) and _as_good(grows.arrivals, rate, over_s):
            return grows
        paced = Paced.of(rate.likely * 60, -1, over_s, ages(case.rows, "idle_s"))
        grown = replace(grows, shape="steady", arrivals=rate, paced=paced)
        if grows.lifetime_s is not None:
            return grown
        left = case.rows.column("timeout").drop_nulls().to_numpy()
        return replace(grown, lifetime_s=lifetime_s, ends=Clock.of(left + 1))


def measured(compared: Compared, seconds: int, lifetimes: Mapping[str, int | None]) -> Measured | None:
    """``lifetimes``: how long an entry of each symptom stays, where that is known.

    None where one of both is not whole, or no time passed.
    """
    then, now = compared.then, compared.now
    if not (then.whole and now.whole) or seconds <= 0:
        return None
    joined = np.bincount(now.case[now.case != compared.case_then()], minlength=len(NUMBERS) + 1)
    rates = {}
    for symptom, number in NUMBERS.items():
        # What came earlier than one lifetime ago is gone again.
        over_s = max(min(seconds, lifetimes.get(symptom) or seconds), 1)
        rates[symptom] = _rate(int(joined[number]), over_s, seconds)
    # Those that joined a symptom or recovered from it came and went not at all.
    came = int(np.count_nonzero((now.case == 0) & compared.new))
    went = int(np.count_nonzero((then.case == 0) & compared.left))
    change = came - went
    by_chance = _SIGNIFICANT * math.sqrt(max(came + went, 1))
    drift = Drift(change / seconds, seconds) if abs(change) > by_chance else None
    return Measured(seconds, rates, drift)


def _rate(came: int, over_s: int, seconds: int) -> Rate:
    error = _SIGMAS * math.sqrt(max(came, 1))
    return Rate(max(came - error, 0) / over_s, came / over_s, (came + error) / over_s, measured_s=seconds)


def _as_good(inferred: Rate, rate: Rate, over_s: int) -> bool:
    """Whether the entries' own times tell the same more exactly."""
    expected = inferred.likely * over_s
    differs = abs(rate.likely * over_s - expected) > _SIGNIFICANT * math.sqrt(expected + 1)
    return not differs and inferred.fast - inferred.slow <= rate.fast - rate.slow

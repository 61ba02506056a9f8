"""A table's size over time: the one place where it is worked out, for forecast, plans and ``whatif``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis.arrivals import Pace, Seconds, Steps
from halftrack.diagnosis.parts import Part
from halftrack.tcp import keeping

if TYPE_CHECKING:
    from halftrack.diagnosis.conditions import Conditions, Service
    from halftrack.diagnosis.growth import Growth

_MOMENTS: Final = 2048
LONGEST_S: Final = 10 * 366 * 86_400
"""Nobody asks what comes after ten years."""
_NEAR: Final = 0.01
"""Of the way to the level at which a table settles: what is left of it does not count."""

Shares = Callable[["Service"], Sequence[float]]
"""Of each part, the share of its entries that belong to a service."""


@dataclass(frozen=True, slots=True)
class Drift:
    """How entries of no case became more or fewer a second, measured over ``seconds``.

    It is taken to go on for as long again and no longer: traffic has its days and nights.
    """

    per_s: float
    seconds: int

    def at(self, at_s: Seconds, pace: Pace) -> Seconds:
        """More entries so many seconds from now."""
        goes_on = pace == "likely" or (self.per_s > 0) == (pace == "fast")
        return (self.per_s if goes_on else 0.0) * np.minimum(at_s, self.seconds)


@dataclass(frozen=True, slots=True)
class Course:
    """``rest`` entries that are in no part stay as many, or come and go at a ``drift``.

    ``limit``: never more than so many, None: there is none, or nobody knows; what is there already stays
    all the same. ``conditions``: what holds, None where nothing of it is going to change. ``shares``: see
    ``Shares``, needed by ``without`` and ``kept`` alone.
    """

    parts: tuple[Part, ...]
    rest: int = 0
    limit: int | None = None
    conditions: Conditions | None = None
    shares: Shares | None = None
    drift: Drift | None = None

    @classmethod
    def of_growths(cls, level: int, grown: Sequence[Growth], drift: Drift | None = None) -> Course:
        """Of a table with so many entries in all: what is in no case stays as many but for a ``drift``."""
        return cls(
            tuple(map(Part.of, grown)), max(level - sum(each.entries for each in grown), 0), drift=drift
        )

    def at(self, at_s: Seconds, pace: Pace = "likely") -> Seconds:
        """Entries so many seconds from now; NaN where that cannot be told."""
        total = np.full_like(at_s, self.rest)
        if self.drift is not None:
            total = np.maximum(total + self.drift.at(at_s, pace), 0.0)
        for each in self.parts:
            total = total + each.at(at_s, pace)
        total = np.maximum(total, 0.0)
        if not self.limit:
            return total
        # What nobody can tell is at most what fits.
        cap = np.maximum(self.limit, self.rest + sum((each.left(at_s) for each in self.parts), 0.0 * at_s))
        return np.asarray(np.fmin(total, cap) if pace == "fast" else np.minimum(total, cap), np.float64)

    def moments(self, until_s: float, pace: Pace = "likely") -> Seconds:
        """Moments to look at: evenly, and right before and after everything that happens at once."""
        leaps = np.concatenate([np.empty(0), *(each.leaps_s(pace, until_s) for each in self.parts)])
        both = np.concatenate([np.linspace(0, until_s, _MOMENTS), leaps, np.maximum(leaps - 1e-3, 0)])
        return np.unique(both[both <= until_s])

    def full_s(self, limit: int, until_s: float, pace: Pace = "likely") -> float | None:
        """Seconds until so many entries are reached; None: not by then, or nobody can tell."""
        at_s = self.moments(until_s, pace)
        # The limit itself would hide by how much it is passed, and with that when.
        entries = replace(self, limit=None).at(at_s, pace)
        over = np.flatnonzero(entries >= limit)
        if not over.size:
            return None
        first = int(over[0])
        if first == 0:
            return 0.0
        before, after = entries[first - 1], entries[first]
        part = (limit - before) / (after - before)
        return float(at_s[first - 1] + part * (at_s[first] - at_s[first - 1]))

    @property
    def settling_s(self) -> float:
        """Seconds after which nothing of today is left, and what comes has reached its level."""
        return float(min(max((each.longest_s for each in self.parts), default=0), LONGEST_S))

    def settles_at(self, pace: Pace = "likely") -> float | None:
        """The highest level once none of today's entries is left; None where that cannot be told."""
        lasting_s = self.settling_s
        if not any(isinstance(each.comes, Steps) for each in self.parts):
            level = float(self.at(np.array([2 * lasting_s]), pace)[0])
        else:
            at_s = self.moments(2 * lasting_s, pace)
            level = float(self.at(at_s[at_s >= lasting_s], pace).max())
        return None if np.isnan(level) else level

    def settled_s(self) -> float | None:
        """Seconds until it is as good as settled; None where that cannot be told."""
        level = self.settles_at()
        if level is None:
            return None
        at_s = self.moments(2 * self.settling_s)
        entries = self.at(at_s)
        way = entries[0] - level
        off = (entries - level) * (1 if way > 0 else -1)
        away = np.flatnonzero(off > max(_NEAR * abs(way), 1.0))
        return 0.0 if not away.size else float(at_s[min(int(away[-1]) + 1, len(at_s) - 1)])

    def under(self, conditions: Conditions) -> Course:
        """As it goes on where other settings hold from now on."""
        spans = conditions.spans()
        today = self.conditions.spans() if self.conditions else spans
        shaken = any(
            new != old and (keeping.is_tcp(rule) or old is None)
            for rule, (new, old) in enumerate(zip(spans, today, strict=True))
        )
        parts = tuple(
            replace(
                each,
                lives=each.lives if each.rule == keeping.UNTOLD else spans[each.rule],
                strict=not conditions.loose,
                shaken=each.shaken or shaken,
            )
            for each in self.parts
        )
        return replace(self, parts=parts, conditions=conditions, limit=conditions.limit or None)

    def without(self, service: Service, symptom: str | None = None) -> Course:
        """A service gets no entries any more; where a symptom is named, only of what shows it."""
        return replace(
            self,
            parts=tuple(
                replace(each, untracked=1 - (1 - each.untracked) * (1 - share))
                if symptom in (None, each.symptom)
                else each
                for each, share in self._shared(service)
            ),
        )

    def kept(self, service: Service, seconds: int) -> Course:
        """New established connections of a service are kept so long at most."""
        of_established = (keeping.ESTABLISHED, keeping.ONE_SIDED)
        return replace(
            self,
            parts=tuple(
                replace(each, capped=(*each.capped, (share, seconds)))
                if share and each.rule in of_established
                else each
                for each, share in self._shared(service)
            ),
        )

    def cleared(self, symptom: str, entries: int, within_s: int) -> Course:
        """So many of the entries that show it now go within so many seconds."""
        of_it = sum(each.entries for each in self.parts if each.symptom == symptom)
        share = min(entries / of_it, 1.0) if of_it else 0.0
        return replace(
            self,
            parts=tuple(
                replace(each, cleared=share, cleared_s=within_s) if each.symptom == symptom else each
                for each in self.parts
            ),
        )

    def _shared(self, service: Service) -> Iterator[tuple[Part, float]]:
        """Each part with the service's share of it."""
        shares = self.shares(service) if self.shares else [0.0] * len(self.parts)
        return zip(self.parts, shares, strict=True)

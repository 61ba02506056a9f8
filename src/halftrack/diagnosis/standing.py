"""How a table stands, and how serious it is that a part of it is taken up.

The thresholds of severity are all here and in each symptom's ``Weights``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from datetime import datetime

    from halftrack.diagnosis.document import Forecast, TableSummary

FindingSeverity: TypeAlias = Literal["info", "warning", "critical"]

FULL: Final = 0.95
"""Of the limit: the kernel's collector, too, calls a table above 95 % full."""
CROWDED: Final = 0.75
CRITICAL_WITHIN: Final = timedelta(hours=24)
WARNING_WITHIN: Final = timedelta(days=7)
_CULPRIT: Final = 0.25
"""Of the table: a part that large is what presses."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A table's numbers. ``seen``: entries that were read; ``entries``: those that the kernel counts."""

    seen: int
    entries: int | None
    limit: int | None
    dropped: int | None = None
    dropped_early: int | None = None
    taken_at: datetime | None = None

    @property
    def fullness(self) -> float | None:
        """Entries over limit; None where either is unknown or there is no limit."""
        if self.entries is None or not self.limit:
            return None
        return self.entries / self.limit

    @property
    def dropping(self) -> bool:
        """New connections were refused while we looked."""
        return bool(self.dropped)

    @property
    def pressed(self) -> bool:
        """Full, or as good as."""
        return (self.fullness or 0) >= FULL or (self.dropping and (self.fullness or 0) >= CROWDED)

    def share(self, entries: int) -> float:
        """Of the entries that were read."""
        return entries / max(self.seen, 1)

    def of_limit(self, entries: int) -> float | None:
        return entries / self.limit if self.limit else None


@dataclass(frozen=True, slots=True)
class Weights:
    """From where a part of a table is worth a warning: any one of the three is enough.

    ``of_limit``: entries over the table's limit. ``many``: entries, whatever the table's size.
    ``share``: of the entries that were read, from ``fewest`` on.
    """

    of_limit: float
    share: float
    fewest: int
    many: int | None = None

    def reached(self, entries: int, standing: Standing) -> bool:
        of_limit = standing.of_limit(entries)
        return (
            (of_limit is not None and of_limit >= self.of_limit)
            or (self.many is not None and entries >= self.many)
            or (standing.share(entries) >= self.share and entries >= self._fewest(standing))
        )

    def _fewest(self, standing: Standing) -> int:
        """Where nothing is known about the table's size, a few lines are all that there is to judge."""
        return self.fewest if standing.limit else 1


def severity(
    entries: int, standing: Standing, weights: Weights, forecast: Forecast | None = None
) -> FindingSeverity:
    """How serious these entries are."""
    culprit = standing.share(entries) >= _CULPRIT
    if culprit and (standing.pressed or fills_within(forecast, standing, CRITICAL_WITHIN)):
        return "critical"
    if weights.reached(entries, standing) or fills_within(forecast, standing, WARNING_WITHIN):
        return "warning"
    if forecast is not None and forecast.settles_at is not None and standing.limit:
        growing = forecast.settles_at >= CROWDED * standing.limit and forecast.settles_at > 2 * standing.seen
        return "warning" if growing else "info"
    return "info"


def fills_within(forecast: Forecast | None, standing: Standing, span: timedelta) -> bool:
    """Whether the forecast sees the table full within this time."""
    if forecast is None or forecast.full_at is None or standing.taken_at is None:
        return False
    return forecast.full_at - standing.taken_at <= span


def standing(summary: TableSummary, seen: int, taken_at: datetime | None) -> Standing:
    """The standing of a table by its summary."""
    return Standing(
        seen=seen,
        entries=summary.entries,
        limit=None if summary.unlimited else summary.limit,
        dropped=summary.dropped,
        dropped_early=summary.dropped_early,
        taken_at=taken_at,
    )

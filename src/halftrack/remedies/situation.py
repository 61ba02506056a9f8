"""What a remedy is told: one finding, the table it stands in, and what surrounds it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import settling
from halftrack.evidence.sysctls import LEGACY_PREFIX, PREFIX
from halftrack.tcp import timeouts

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Finding, TableSummary
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.view import View
    from halftrack.evidence.rulesets import Ruleset
    from halftrack.evidence.values import Evidence, Table
    from halftrack.remedies.live import LiveEntries

_DEFAULTS: Final = {**timeouts.DEFAULTS, "tcp_loose": 1}
"""What the kernel starts with, for settings that the evidence does not hold (all releases)."""
PRESSURE: Final = 0.75
"""Share of the limit from which a table is taken to need room before anything else."""


@dataclass(frozen=True, slots=True)
class Situation:
    """``rows`` are the finding's entries; None where it is not about entries.

    ``first_of_table``: no finding before this one speaks of the same table, and none is about the
    pressure it is under. ``rules``: of its namespace; None: nobody read them.
    """

    finding: Finding
    table: Table
    evidence: Evidence
    summary: TableSummary | None = None
    view: View | None = None
    rows: MarkedRows | None = None
    live: LiveEntries | None = None
    first_of_table: bool = True
    rules: Ruleset | None = None

    @property
    def one_way(self) -> bool:
        """Whether these entries may be the traffic itself, of which one direction takes another way."""
        return self.likely("asymmetric-path", "direct-return")

    def full_name(self, name: str) -> str:
        """The sysctl of a setting (``nf_conntrack_`` stripped) as this kernel calls it."""
        old = LEGACY_PREFIX + name
        return (
            old if old in self.table.settings and PREFIX + name not in self.table.settings else PREFIX + name
        )

    def setting(self, name: str) -> int | None:
        """A setting of this table (``nf_conntrack_`` stripped) as a number; None where not known."""
        full = self.full_name(name)
        text = self.table.settings.get(full, self.evidence.input.assumed.get(full))
        try:
            return int(text) if text is not None else None
        except ValueError:
            return None

    def setting_or_default(self, name: str) -> int:
        """The same, with the kernel's default where it is not known."""
        value = self.setting(name)
        return _DEFAULTS[name] if value is None else value

    def enabled(self, name: str) -> bool:
        """Whether the finding names this setting as one that lets it happen."""
        return any(by.setting in {PREFIX + name, LEGACY_PREFIX + name} for by in self.finding.enabled_by)

    def likely(self, *causes: str) -> bool:
        """Whether the evidence speaks more for than against one of these causes."""
        return any(each.likely and each.cause in causes for each in self.finding.causes)

    def settles_at(self, lifetime_s: int) -> int | None:
        """Entries of the finding once each lives so long; None where that cannot be told."""
        return settling.settles_at(self.finding, self.summary, lifetime_s)

    @property
    def frozen(self) -> bool:
        """Whether the finding's table is one that nothing is added to, and whose entries no packet renews."""
        return self.likely("hooks-off")

    @property
    def fullness(self) -> float | None:
        """Share of the limit in use; None where there is no limit or either is not known."""
        if self.summary is None or not self.summary.limit or self.summary.entries is None:
            return None
        return self.summary.entries / self.summary.limit

    @property
    def drops(self) -> bool:
        """Whether new connections are turned away: seen to be, or the table is full to the limit."""
        if self.summary is None:
            return False
        return bool(self.summary.dropped or self.summary.dropped_early) or (self.fullness or 0) >= 1

    @property
    def needs_room(self) -> bool:
        """Whether the table drops, is nearly full, or may be: how full it is, is not known."""
        return self.drops or self.fullness is None or self.fullness >= PRESSURE

    @property
    def under_pressure(self) -> bool:
        """Whether the table drops, is nearly full, or has a time at which it will be full."""
        if self.summary is None:
            return False
        forecast = self.summary.forecast
        return (
            (self.fullness or 0) >= PRESSURE
            or self.drops
            or (forecast is not None and forecast.full_at is not None)
        )

    @property
    def caps_raised(self) -> bool:
        """Whether the kernel has the two settings that cap one-sided entries, and both are raised.

        With either of them at its default a pick-up without a reply lasts 300 s, so only both
        together let such an entry live long.
        """
        caps = {name: self.setting(name) for name in (timeouts.UNACKNOWLEDGED, timeouts.MAX_RETRANS)}
        return all(cap is not None and cap > timeouts.DEFAULTS[name] for name, cap in caps.items())

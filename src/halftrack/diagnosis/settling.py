"""Where a finding's entries settle when each of them lives shorter."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from halftrack.diagnosis import growth

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Finding, TableSummary, Timeline


def settles_at(finding: Finding, summary: TableSummary | None, lifetime_s: int) -> int | None:
    """Entries of a finding once each lives ``lifetime_s``: arrivals within one lifetime.

    A steady leak is the rate at which entries come, whether or not as many go, times the lifetime.
    One in steps or bursts is the most that ever arrived within a window of that length, which takes
    a timeline that is longer. None where neither a rate nor such a timeline is known.

    ``summary``: of its table. What a whole table comes to under other settings is in ``course``.
    """
    forecast = finding.forecast or (summary.forecast if summary else None)
    shape = forecast.shape if forecast else "unknown"
    if finding.timeline is None or (shape == "steady" and not growth.has_pace(finding.timeline)):
        rate = _rate(finding)  # a shape that two moments showed, of entries that came within seconds
        if rate is None:
            return None
        return min(finding.entries, round(rate * lifetime_s / 60))
    whole = len(finding.timeline.entries) * finding.timeline.bucket_s >= lifetime_s
    if shape in {"steady", "falling"}:
        silent = finding.symptom == "idle-established"
        pace = growth.pace_of(finding.timeline, shape, keeps_speaking=silent)
        settled = round(pace.likely * lifetime_s)
        return settled if shape == "steady" and not whole else min(finding.entries, settled)
    return min(finding.entries, busiest(finding.timeline, lifetime_s)) if whole else None


def busiest(timeline: Timeline, lifetime_s: int) -> int:
    """The most entries of a timeline within any window of this length, counted in whole buckets."""
    width = max(1, -(-lifetime_s // timeline.bucket_s))
    sums = [0, *accumulate(timeline.entries)]
    return max(
        (sums[end] - sums[max(0, end - width)] for end in range(1, len(sums))),
        default=0,
    )


def _rate(finding: Finding) -> float | None:
    if finding.forecast is not None and finding.forecast.net_per_minute is not None:
        return max(0.0, finding.forecast.net_per_minute)
    rates = [group.rate_per_minute for group in finding.groups]
    known = [rate for rate in rates if rate is not None]
    if not known or len(known) < len(rates):
        return None
    shown = sum(group.entries for group in finding.groups)
    return sum(known) * finding.entries / shown if shown else None

"""Whether the table drops now, when it is full, and how much of it is silent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import words
from halftrack.reporters import figures

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.diagnosis.document import Diagnosis, Finding, Forecast, TableSummary


def silent(shown: TableSummary, findings: Iterable[Finding]) -> int:
    """Open connections that may be dead or at rest, where that is serious."""
    return sum(
        finding.entries
        for finding in findings
        if finding.symptom == "idle-established"
        and finding.severity != "info"
        and finding.groups
        and finding.netns == shown.netns
    )


def now(shown: TableSummary, diagnosis: Diagnosis) -> str:
    """Is it dropping now? Says so, too, where that is not known."""
    before = ""
    if shown.dropped_total or shown.dropped_early_total:
        before = f" Since boot: {_losses(shown.dropped_total or 0, shown.dropped_early_total)}."
    if shown.dropped is None:
        where = "counters not read twice" if diagnosis.of_node else "no counters in this file"
        return f"Dropped now: not known ({where}).{before}{_logged(shown, diagnosis)}"
    if not shown.dropped and not shown.dropped_early:
        return f"Nothing dropped in {shown.counters_over_s or 1} s.{before}{_logged(shown, diagnosis)}"
    text = f"Dropped in {shown.counters_over_s or 1} s: {_losses(shown.dropped, shown.dropped_early)}"
    return (
        f"{text}." if shown.reclaimable is None else f"{text}; the kernel could free {shown.reclaimable:,}."
    )


def _logged(shown: TableSummary, diagnosis: Diagnosis) -> str:
    told = shown.logged
    if told is None:
        return ""
    last = f", last {figures.moment(told.last, diagnosis.taken_at)} UTC" if told.last is not None else ""
    return f" Logged at least {words.count(told.lines, 'time')}: table full{last}."


def _losses(dropped: int, early: int | None) -> str:
    return f"{dropped:,} dropped" if early is None else f"{dropped:,}, thrown out early: {early:,}"


def ahead(shown: TableSummary, diagnosis: Diagnosis, *, basis: bool) -> str:
    """When is it full?"""
    if shown.unlimited:
        return "Never full: there is no limit."
    if shown.limit and shown.entries is not None and shown.entries >= shown.limit:
        return "Full now."
    if shown.forecast is None:
        return "Full when: not known."
    return _foretold(shown.forecast, shown, diagnosis, basis=basis)


def _foretold(forecast: Forecast, shown: TableSummary, diagnosis: Diagnosis, *, basis: bool) -> str:
    why = f" ({forecast.basis})" if basis else ""
    if forecast.full_at is None and forecast.low is not None:
        at = figures.moment(forecast.low, diagnosis.taken_at)
        return f"Full: not expected, but at its fastest at about {at} UTC{why}."
    if forecast.full_at is None:
        if forecast.settles_at is not None and shown.limit and forecast.settles_at < shown.limit:
            return f"Full: not in sight, settles near ~{forecast.settles_at:,}{why}."
        if forecast.told:
            return f"Full: not in sight ({forecast.basis})."
        return f"Full when: cannot be told ({forecast.basis})."
    now = diagnosis.taken_at
    text = f"Full at about {figures.moment(forecast.full_at, now)} UTC"
    if forecast.low is not None and forecast.low != forecast.full_at:
        latest = "never" if forecast.high is None else figures.moment(forecast.high, now)
        text += f", between {figures.moment(forecast.low, now)} and {latest}"
    return f"{text}{why}."

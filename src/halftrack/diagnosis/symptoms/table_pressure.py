"""table-pressure: the table is full, nearly so, or turns connections away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import EnabledBy, Finding
from halftrack.diagnosis.occupancy import fullness
from halftrack.diagnosis.standing import (
    CRITICAL_WITHIN,
    CROWDED,
    FULL,
    WARNING_WITHIN,
    fills_within,
    standing,
)
from halftrack.evidence import sysctls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import TableSummary
    from halftrack.diagnosis.standing import FindingSeverity
    from halftrack.evidence.values import Evidence, Table

_NOTABLE: Final = 0.1


@dataclass(frozen=True, slots=True)
class TablePressure:
    slug: str = "table-pressure"

    def find(self, evidence: Evidence, summaries: Sequence[TableSummary]) -> tuple[Finding, ...]:
        found = (
            self._of_table(evidence, table, summary)
            for table, summary in zip(evidence.tables, summaries, strict=True)
        )
        return tuple(each for each in found if each is not None)

    def _of_table(self, evidence: Evidence, table: Table, summary: TableSummary) -> Finding | None:
        level = _severity(evidence, summary)
        if level is None:
            return None
        limit = sysctls.PREFIX + "max"
        return Finding(
            id=f"{self.slug}/{summary.netns}",
            symptom=self.slug,
            severity=level,
            title=_title(summary),
            entries=summary.entries or 0,
            share=None,
            explanation=_explanation(summary),
            forecast=summary.forecast,
            enabled_by=(
                EnabledBy(
                    setting=limit,
                    value=table.settings.get(limit, None if table.limit is None else str(table.limit)),
                    why="new connections are refused above it",
                ),
            )
            if not summary.unlimited
            else (),
        )


def _severity(evidence: Evidence, summary: TableSummary) -> FindingSeverity | None:
    share = fullness(summary)
    full, effective = share.raw or 0.0, share.effective or 0.0
    refused, evicted = summary.dropped or 0, summary.dropped_early or 0
    stand = standing(summary, summary.entries or 0, evidence.taken_at)
    if (refused and full >= CROWDED) or effective >= FULL:
        return "critical"
    if full >= FULL and (evicted or summary.dropped is None):
        return "critical"
    if fills_within(summary.forecast, stand, CRITICAL_WITHIN):
        return "critical"
    if full >= CROWDED or refused or evicted or fills_within(summary.forecast, stand, WARNING_WITHIN):
        return "warning"
    return "info" if summary.insert_failed else None


def _title(summary: TableSummary) -> str:
    full = fullness(summary).raw
    entries = summary.entries
    if full is not None and full >= CROWDED:
        word = "full" if full >= FULL else "nearly full"
        return f"The table is {word}: {entries:,} of {summary.limit:,} entries ({words.percent(full)})."
    if summary.dropped:
        dropped = words.count(summary.dropped, "packet was", "packets were")
        return f"{dropped} dropped though the table is not full."
    if summary.dropped_early:
        evicted = words.count(summary.dropped_early, "unfinished entry", "unfinished entries")
        return f"{evicted} gave way to new ones."
    if summary.forecast is not None and summary.forecast.full_at is not None:
        return "The table will be full soon."
    return f"{words.entries(summary.insert_failed or 0)} lost a race and could not be inserted."


def _explanation(summary: TableSummary) -> str:
    lines = []
    if summary.counters_over_s is not None:
        lines.append(
            f"In {summary.counters_over_s} s: {_number(summary.dropped)} dropped,"
            f" {_number(summary.dropped_early)} thrown out early."
        )
    share = fullness(summary)
    full, effective = share.raw, share.effective
    if full is not None and effective is not None and full - effective >= _NOTABLE:
        lines.append(
            f"Without what the kernel may give up when it needs room, {words.percent(effective)} of the limit"
            " is taken."
        )
    elif full is not None and full >= CROWDED and summary.reclaimable is not None:
        lines.append(
            f"The kernel could free only {summary.reclaimable:,} by itself: answered connections are never"
            " thrown out."
        )
    if summary.expired and summary.entries and summary.expired >= _NOTABLE * summary.entries:
        lines.append(f"{words.entries(summary.expired)} are over and still counted until they are collected.")
    if summary.insert_failed:
        lines.append(
            f"{words.count(summary.insert_failed, 'insertion')} failed: races between packets of one flow,"
            " which a larger limit does not cure."
        )
    return " ".join(lines)


def _number(value: int | None) -> str:
    return "an unknown number" if value is None else f"{value:,}"


SYMPTOM: Final = TablePressure()

"""table-pressure: the table is full, nearly so, or turns connections away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import logged, words
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
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from halftrack.diagnosis.document import Logged, TableSummary
    from halftrack.diagnosis.standing import FindingSeverity
    from halftrack.evidence.values import Evidence, Table

_NOTABLE: Final = 0.1
_LATELY: Final = timedelta(days=1)
"""A table that was full since then, and is not any more, is worth a warning."""


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
            explanation=" ".join(
                [*_explanation(summary), *_in_log(evidence, summary), *_by_helpers(evidence, summary)]
            ),
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
    refused, evicted = summary.dropped or _logged_now(evidence, summary), summary.dropped_early or 0
    stand = standing(summary, summary.entries or 0, evidence.taken_at)
    if (refused and full >= CROWDED) or effective >= FULL:
        return "critical"
    if full >= FULL and (evicted or summary.dropped is None):
        return "critical"
    if fills_within(summary.forecast, stand, CRITICAL_WITHIN):
        return "critical"
    if full >= CROWDED or refused or evicted or fills_within(summary.forecast, stand, WARNING_WITHIN):
        return "warning"
    if summary.logged is not None and logged.recent(summary.logged.last, evidence, _LATELY):
        return "warning"
    return "info" if summary.insert_failed or summary.logged else None


def _logged_now(evidence: Evidence, summary: TableSummary) -> bool:
    """Whether the log tells what counters do not: that packets are being dropped."""
    told = summary.logged
    return summary.dropped is None and told is not None and logged.recent(told.last, evidence, logged.NOW)


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
    if summary.logged is not None:
        return _was_full(summary.logged)
    return f"{words.entries(summary.insert_failed or 0)} lost a race and could not be inserted."


def _was_full(told: Logged) -> str:
    if told.last is None:
        return "The table was full, by the kernel's log."
    return f"The table was full, last at {_moment(told.last)}, by the kernel's log."


def _in_log(evidence: Evidence, summary: TableSummary) -> Iterator[str]:
    """How often and since when it was full, as far as the log goes back."""
    told = summary.logged
    if told is None or evidence.log is None:
        return
    text = f"Logged at least {words.count(told.lines, 'time')}: table full"
    if told.first is not None and told.last is not None and told.first != told.last:
        text += f", from {_moment(told.first)} to {_moment(told.last)}"
    elif told.last is not None:
        text += f", at {_moment(told.last)}"
    text += f" ({told.source})."
    if told.suppressed:
        text += (
            f" {words.count(told.suppressed, 'more line was', 'more lines were')} held back, likely the same."
        )
    if evidence.log.begins.at is not None and evidence.log.begins.at != told.first:
        text += f" The log goes back to {_moment(evidence.log.begins.at)}."
    if not told.certain:
        text += " It does not say which of the node's tables it was."
    yield text


def _by_helpers(evidence: Evidence, summary: TableSummary) -> Iterator[str]:
    """What is dropped although there is room may be what a helper (of FTP, SIP, …) could not follow."""
    lines = logged.of_kind(evidence, "helper-dropped")
    if summary.dropped and lines and (fullness(summary).raw or 0) < CROWDED:
        most = max(lines, key=lambda each: each.count)
        yield f"Logged at least {words.count(most.count, 'time')}: {most.text} ({most.source})."


def _moment(at: datetime) -> str:
    return f"{at:%a %d %b %H:%M} UTC"


def _explanation(summary: TableSummary) -> list[str]:
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
    return lines


def _number(value: int | None) -> str:
    return "an unknown number" if value is None else f"{value:,}"


SYMPTOM: Final = TablePressure()

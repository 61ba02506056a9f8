"""A diagnosis as one line for Nagios, Icinga and their kin: status, a sentence, performance data."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import occupancy
from halftrack.evidence.values import HOST
from halftrack.reporters.plugin import UNKNOWN, line
from halftrack.reporters.ranges import MEASURES

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, TableSummary
    from halftrack.reporters.ranges import Limits, Measure

_OF_SEVERITY: Final = {"ok": 0, "warning": 1, "critical": 2}


def check(found: Diagnosis, limits: Limits) -> tuple[int, str]:
    """The exit code, and the line without its end."""
    table = _table(found)
    value = _value(found, table, limits.measure)
    if limits.given:
        code = _judged(value, limits, whole=_is_whole(found, limits.measure))
        text = (
            f"{limits.measure} {_told(value, limits.measure)}{_doubt(found, limits.measure)}; {found.verdict}"
        )
    else:
        code = _OF_SEVERITY[found.severity] or (0 if found.complete else UNKNOWN)
        text = found.verdict
    if not found.complete:
        text += (
            f" Not everything was seen: {found.gaps[0].what}." if found.gaps else " Not everything was seen."
        )
    return code, line(code, text, _data(found, table, limits))


def _table(found: Diagnosis) -> TableSummary | None:
    """The node's own, or the one that was looked at."""
    own = next((table for table in found.tables if table.netns == HOST and table.limit is not None), None)
    return own or found.table


def _judged(value: float | None, limits: Limits, *, whole: bool) -> int:
    """``whole``: nothing that was not seen may be beyond the ranges."""
    if value is None:
        return UNKNOWN
    if limits.critical is not None and limits.critical.alarms(value):
        return 2
    if limits.warning is not None and limits.warning.alarms(value):
        return 1
    return 0 if whole else UNKNOWN


def _is_whole(found: Diagnosis, measure: Measure) -> bool:
    """Whether the measure is of all that it is meant to be of; one table's own count is."""
    return measure == "used" or (found.complete and not (measure == "full-in" and _untold(found)))


def _untold(found: Diagnosis) -> list[TableSummary]:
    """Tables that were read and of which nobody can tell whether they fill."""
    return [table for table in found.tables if table.read and not (table.forecast and table.forecast.told)]


def _doubt(found: Diagnosis, measure: Measure) -> str:
    """Why a time until a table is full is not all that there is to it."""
    first = next(iter(_untold(found)), None) if measure == "full-in" else None
    if first is None:
        return ""
    why = f": {first.forecast.basis}" if first.forecast else ""
    return f" (of {first.netns} it cannot be told{why})"


def _value(found: Diagnosis, table: TableSummary | None, measure: Measure) -> float | None:
    """Of what was seen. None: not known. Infinite: a table that is not in sight of being full."""
    match measure:
        case "used":
            return None if table is None else _used(table)
        case "fullest":
            return max((used for one in found.tables if (used := _used(one)) is not None), default=None)
        case "stuck":
            told = [table.stuck for table in found.tables if table.stuck is not None]
            return sum(told) if told else None
        case "full-in":
            return _full_in(found)


def _used(table: TableSummary) -> float | None:
    """Percent of the limit; of a table without one 0."""
    if table.unlimited:
        return 0.0
    full = occupancy.fullness(table).raw
    return None if full is None else round(100 * full, 1)


def _full_in(found: Diagnosis) -> float | None:
    if found.taken_at is None or not found.tables:
        return None
    moments = [table.forecast.full_at for table in found.tables if table.forecast and table.forecast.full_at]
    if not moments:
        return None if _untold(found) else math.inf
    return max((min(moments) - found.taken_at).total_seconds(), 0.0)


def _told(value: float | None, measure: Measure) -> str:
    if value is None:
        return "not known"
    if math.isinf(value):
        return "not in sight"
    return _number(value) + {"used": "%", "fullest": "%", "full-in": " s"}.get(measure, "")


def _data(found: Diagnosis, table: TableSummary | None, limits: Limits) -> str:
    """Labels of measures are theirs; the rest is the node's table in numbers."""
    parts = []
    for measure in MEASURES:
        value = _value(found, table, measure)
        if value is not None and not math.isinf(value):
            warning, critical = (
                (one.text if one and measure == limits.measure else "")
                for one in (limits.warning, limits.critical)
            )
            unit, most = {"used": ("%", "100"), "fullest": ("%", "100"), "full-in": ("s", "")}.get(
                measure, ("", "")
            )
            label = measure.replace("-", "_")
            parts.append(f"'{label}'={_number(value)}{unit};{warning};{critical};0;{most}")
    if table is not None:
        limit = "" if table.unlimited or table.limit is None else str(table.limit)
        parts += (
            f"'{label}'={value}{unit};;;0;{most}"
            for label, value, unit, most in (
                ("entries", table.entries, "", limit),
                ("reclaimable", table.reclaimable, "", ""),
                ("one_sided", table.one_sided, "", ""),
                ("dropped", table.dropped_total, "c", ""),
                ("dropped_early", table.dropped_early_total, "c", ""),
                ("insert_failed", table.insert_failed_total, "c", ""),
            )
            if value is not None
        )
    return " ".join(parts)


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else repr(value)

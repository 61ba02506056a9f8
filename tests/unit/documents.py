"""Diagnoses written by hand: of a healthy node, unless told otherwise."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from halftrack.diagnosis.document import (
    Diagnosis,
    Finding,
    Forecast,
    Input,
    TableSummary,
)

NOW: Final = datetime(2026, 11, 23, 2, 12, tzinfo=UTC)


def diagnosis(**fields: Any) -> Diagnosis:
    """A healthy live node unless told otherwise."""
    given: dict[str, Any] = {
        "node": "pod-11",
        "kernel": "6.12.48",
        "taken_at": NOW,
        "source": "live",
        "severity": "ok",
        "complete": True,
        "verdict": "3,208 of 262,144 entries (1 %), nothing stuck, nothing dropped.",
        "focus": "host",
        "input": Input(),
        "tables": (table(),),
        "seconds": 0.43,
    }
    return Diagnosis(**(given | fields))


def table(**fields: Any) -> TableSummary:
    given: dict[str, Any] = {
        "netns": "host",
        "entries": 3208,
        "limit": 262_144,
        "buckets": 65_536,
        "dropped": 0,
        "dropped_early": 0,
        "counters_over_s": 1,
        "dropped_total": 0,
        "dropped_early_total": 0,
        "forecast": Forecast(basis="nothing is stuck that grows"),
    }
    return TableSummary(**(given | fields))


FIVE_DAYS: Final = Finding(
    id="settings/host",
    symptom="settings",
    severity="info",
    title="established timeout is 5 days (the default).",
    entries=0,
)
HEALTHY: Final = diagnosis(findings=(FIVE_DAYS,))
EMPTY: Final = diagnosis(
    tables=(table(entries=0),),
    verdict="0 of 262,144 entries (0 %), nothing stuck, nothing dropped.",
    findings=(FIVE_DAYS,),
)

"""What is kept of a run: one JSON line each, so that a long measurement can be gone on with."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks.diagnosis.situation import Situation
from halftrack.live.gaps import LATE

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis


class Named(msgspec.Struct, frozen=True):
    """A finding: its symptom and the causes weighed for it, likeliest first."""

    symptom: str
    severity: str
    entries: int
    causes: tuple[tuple[str, float], ...]


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """``failed``: why the scenario did not come about; then nothing was diagnosed. ``late``: the doctor said
    that its time was up before it had seen all.
    """

    situation: Situation
    truths: tuple[str, ...]
    seconds: float
    severity: str = ""
    late: bool = False
    findings: tuple[Named, ...] = ()
    failed: str | None = None


def of(situation: Situation, seconds: float, found: Diagnosis) -> Record:
    return Record(
        situation=situation,
        truths=situation.truths,
        seconds=round(seconds, 1),
        severity=found.severity,
        late=late(found),
        findings=tuple(
            Named(
                each.symptom,
                each.severity,
                each.entries,
                tuple((cause.cause, cause.confidence) for cause in each.causes),
            )
            for each in found.findings
        ),
    )


def late(found: Diagnosis) -> bool:
    """Whether the machine was too busy for it to see all."""
    return any(gap.why == LATE for gap in found.gaps)


def read(path: Path) -> dict[int, Record]:
    """By the number of the run; what came later counts. A line that was cut short is left out."""
    found: dict[int, Record] = {}
    for line in path.read_bytes().splitlines() if path.exists() else ():
        try:
            one = msgspec.json.decode(line, type=Record)
        except msgspec.DecodeError:
            continue
        found[one.situation.number] = one
    return found


def append(path: Path, record: Record) -> None:
    with path.open("ab") as file:
        file.write(msgspec.json.encode(record) + b"\n")

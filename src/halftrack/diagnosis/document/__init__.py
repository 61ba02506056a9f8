"""The diagnosis as a value: what ``doctor --json`` prints, field for field.

Published as ``halftrack.diagnosis/1``: fields are added, never renamed or removed. Durations
are whole seconds (``_s``), shares 0..1, times RFC 3339 in UTC, addresses text. None: not known.
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from halftrack.diagnosis.document.findings import LIKELY, Began, Cause, EnabledBy, Finding, Reason, Timeline
from halftrack.diagnosis.document.groups import Group, OwnerName, Peer, Side
from halftrack.diagnosis.document.moments import Moment
from halftrack.diagnosis.document.reading import SCRIPT_FILE, Ask, Gap, Input, ReadAt, Sourced
from halftrack.diagnosis.document.remedies import (
    KINDS,
    UNHURT,
    Advice,
    Effect,
    Kind,
    LiveFlows,
    Outcome,
    Risk,
    RiskLevel,
)
from halftrack.diagnosis.document.tables import Forecast, Forgotten, Heard, Logged, Shape, Sides, TableSummary
from halftrack.diagnosis.since.document import Since

__all__ = [
    "KINDS",
    "LIKELY",
    "SCHEMA",
    "SCRIPT_FILE",
    "UNHURT",
    "Advice",
    "Ask",
    "Began",
    "Cause",
    "Diagnosis",
    "Effect",
    "EnabledBy",
    "Finding",
    "Forecast",
    "Forgotten",
    "Gap",
    "Group",
    "Heard",
    "Input",
    "Kind",
    "LiveFlows",
    "Logged",
    "Outcome",
    "OwnerName",
    "Peer",
    "ReadAt",
    "Reason",
    "Risk",
    "RiskLevel",
    "Shape",
    "Side",
    "Sides",
    "Sourced",
    "TableSummary",
    "Timeline",
]

SCHEMA: Final = "halftrack.diagnosis/1"


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """``focus``: the ``netns`` of the table that ``verdict`` speaks of; None where no table could be read.

    ``since``: what happened since an earlier moment, where one was given.
    """

    schema: Literal["halftrack.diagnosis/1"] = SCHEMA
    node: str
    kernel: str | None = None
    taken_at: Moment | None = None
    source: Literal["live", "bundle", "sos", "dump"]
    severity: Literal["ok", "warning", "critical"]
    complete: bool
    verdict: str
    focus: str | None = None
    input: Input
    tables: tuple[TableSummary, ...] = ()
    findings: tuple[Finding, ...] = ()
    gaps: tuple[Gap, ...] = ()
    since: Since | None = None
    in_container: bool = False
    user: str | None = None
    seconds: float = 0.0
    sources: tuple[Sourced, ...] = ()
    ask: Ask | None = None

    @property
    def table(self) -> TableSummary | None:
        """The one that ``verdict`` speaks of."""
        return next((each for each in self.tables if each.netns == self.focus), None)

    @property
    def of_node(self) -> bool:
        """As ``Evidence.of_node``."""
        return self.source in {"live", "bundle", "sos"}

    @property
    def script_masks(self) -> bool:
        """Whether a script that is asked for masks by itself: they hid who they are, without Halftrack."""
        return self.input.masked != "none" and self.source != "bundle"

    @property
    def script_by(self) -> str:
        """The words behind ``halftrack`` that write that script."""
        return f"collect --script{' --mask' if self.script_masks else ''} -o {SCRIPT_FILE}"

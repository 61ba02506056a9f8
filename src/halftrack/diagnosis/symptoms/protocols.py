"""What a symptom's file provides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import EnabledBy, Finding, Forecast, TableSummary
    from halftrack.diagnosis.standing import FindingSeverity, Standing
    from halftrack.diagnosis.view import View
    from halftrack.evidence.values import Evidence

Choice: TypeAlias = pl.Expr | pl.Series
"""Boolean, over the rows of ``view.flows``; null counts as False."""


@dataclass(frozen=True, slots=True)
class Account:
    """What is said of a case. ``title``: one sentence; ``explanation``: one to three lines."""

    severity: FindingSeverity
    title: str
    explanation: str
    enabled_by: tuple[EnabledBy, ...] = ()


class EntrySymptom(Protocol):
    """A symptom that entries show."""

    @property
    def slug(self) -> str: ...

    def choose(self, view: View) -> Choice | None:
        """The rows that show it; None where this evidence cannot tell."""

    def matters(self, entries: int, view: View) -> bool:
        """Whether so many rows are a symptom at all, or the everyday life of a table."""

    def describe(self, case: Case, standing: Standing, forecast: Forecast | None) -> Account:
        """What to say of the chosen rows. ``forecast``: of these rows alone."""


class Condition(Protocol):
    """A condition that a table or the node is in."""

    @property
    def slug(self) -> str: ...

    def find(self, evidence: Evidence, summaries: Sequence[TableSummary]) -> tuple[Finding, ...]:
        """Findings; ``summaries`` are those of ``evidence.tables``, in their order."""

"""A case: the entries of one table that show one symptom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

    from halftrack.diagnosis.document import Diagnosis, Timeline
    from halftrack.diagnosis.view import View


@dataclass(frozen=True, slots=True)
class Case:
    """What causes are weighed on and remedies are aimed at.

    ``rows``: the symptom's entries with the columns of ``symptoms.ROW_COLUMNS``. ``chosen``:
    Boolean, one per row of ``view.flows``, True for those entries; None where a case was put
    together by hand. ``shape`` is a ``document.Shape``.
    """

    symptom: str
    view: View
    rows: pl.DataFrame
    timeline: Timeline | None
    shape: str
    chosen: pl.Series | None = None


@dataclass(frozen=True, slots=True)
class Examined:
    """A diagnosis and what its findings among entries were made of.

    The cases' views are ``view.lean``: without the address columns that their rows have.
    """

    diagnosis: Diagnosis
    cases: tuple[Case, ...]

"""A case: the entries of one table that show one symptom."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, Timeline
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.view import View


@dataclass(frozen=True, slots=True)
class Case:
    """What causes are weighed on and remedies are aimed at.

    ``rows``: the symptom's entries among ``view.flows``. ``shape`` is a ``document.Shape``.
    """

    symptom: str
    view: View
    rows: MarkedRows
    timeline: Timeline | None
    shape: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A diagnosis and what its findings among entries were made of."""

    diagnosis: Diagnosis
    cases: tuple[Case, ...]

"""A case: the entries of one table that show one symptom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.diagnosis.document import Diagnosis, Timeline
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.view import View

T = TypeVar("T")


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
    _known: dict[str, object] = field(default_factory=dict, init=False, repr=False, compare=False)

    def once(self, what: str, find: Callable[[Case], T]) -> T:
        """What several causes ask for, worked out once."""
        if what not in self._known:
            self._known[what] = find(self)
        return cast("T", self._known[what])


@dataclass(frozen=True, slots=True)
class Examined:
    """A diagnosis and what its findings among entries were made of."""

    diagnosis: Diagnosis
    cases: tuple[Case, ...]

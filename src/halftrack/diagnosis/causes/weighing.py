"""How clues become a confidence.

A clue's weight is how far it alone would carry: for, 0 to 1; against, 0 to -1. Clues for a cause
leave less and less room for doubt, clues against it take their share off what they reached. Clues
that several causes have in common never carry one of them to ``LIKELY``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from halftrack.diagnosis.document import Cause, Reason

SHARED: Final = 0.45
"""As far as clues go that others show, too."""
_SILENT: Final = 0.05


@dataclass(frozen=True, slots=True)
class Clue:
    """One piece of evidence. ``own``: other causes of the same symptom do not show it.

    Weight 0 carries nothing and is told all the same.
    """

    what: str
    value: str | int | float | None
    source: str
    weight: float
    own: bool = False


def conclude(
    cause: str, start: float, clues: Iterable[Clue | None], missing: Iterable[str | None] = ()
) -> Cause | None:
    """The cause with its confidence; None where there is next to nothing for it.

    ``start``: how often this is the cause when nothing else is known.
    """
    told = [clue for clue in clues if clue is not None]
    doubt = 1 - start
    for clue in told:
        doubt *= 1 - max(clue.weight, 0)
    confidence = 1 - doubt
    if not any(clue.own and clue.weight > 0 for clue in told):
        confidence = min(confidence, SHARED)
    for clue in told:
        confidence *= 1 + min(clue.weight, 0)
    if confidence < _SILENT:
        return None
    return Cause(
        cause=cause,
        confidence=round(confidence, 2),
        for_=tuple(_reason(clue) for clue in told if clue.weight >= 0),
        against=tuple(_reason(clue) for clue in told if clue.weight < 0),
        missing=tuple(what for what in missing if what is not None),
    )


def _reason(clue: Clue) -> Reason:
    return Reason(what=clue.what, value=clue.value, source=clue.source)

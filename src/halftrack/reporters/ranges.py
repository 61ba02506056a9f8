"""What a check is to tell of: a measure beyond ranges as Monitoring Plugins write them: ``[@]START:END``.

``10`` is 0 to 10, ``10:`` from 10 on, ``~:10`` up to 10, ``@10:20`` what is not to be. The ends belong to it.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final, Literal

Measure = Literal["used", "fullest", "stuck", "full-in"]
MEASURES: Final[tuple[Measure, ...]] = ("used", "fullest", "stuck", "full-in")
_NUMBER: Final = r"-?(?:\d+(?:\.\d*)?|\.\d+)"
_FORM: Final = re.compile(
    rf"(?P<inside>@)?(?:(?P<start>~|{_NUMBER})?(?P<colon>:))?(?P<end>{_NUMBER})?", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Range:
    """``text``: as it was written. ``inside``: what lies in it is alarming, else what lies outside."""

    text: str
    start: float
    end: float
    inside: bool

    def alarms(self, value: float) -> bool:
        """Whether a value is to be told of; infinite is what is not in sight."""
        return (self.start <= value <= self.end) == self.inside


@dataclass(frozen=True, slots=True)
class Limits:
    """What is to be told of: ``measure`` beyond a range. Without any range the doctor's word counts."""

    measure: Measure = "used"
    warning: Range | None = None
    critical: Range | None = None

    @property
    def given(self) -> bool:
        return self.warning is not None or self.critical is not None


def parsed(text: str) -> Range:
    """Raises ValueError where it is no range."""
    found = _FORM.fullmatch(text)
    if found is None or not (found["end"] or found["colon"]):
        raise ValueError(text)
    start = -math.inf if found["start"] == "~" else float(found["start"] or 0)
    end = float(found["end"]) if found["end"] else math.inf
    if start > end:
        raise ValueError(text)
    return Range(text, start, end, bool(found["inside"]))

"""When the entries of a case fell silent: by the clock of their timeouts, also where they are stamped.

Stamps tell when entries were made. Of connections that have been open for long that says nothing about their
end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halftrack.diagnosis import shape, timeline, words
from halftrack.diagnosis.causes import facts

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Timeline


@dataclass(frozen=True, slots=True)
class Silence:
    """``at_once``: in one moment or a few, quiet in between. ``one_by_one``: all the time.

    ``scattered``: share of the fullest moment where there is no pattern, and no crowd either.
    """

    timeline: Timeline | None
    shape: str
    at_once: bool
    one_by_one: bool
    scattered: float | None
    source: str

    @property
    def moments(self) -> str:
        """``6 moments``; for a burst ``1 moment``."""
        return words.count(len(shape.moments(self.timeline)), "moment")


def of(case: Case) -> Silence:
    drawn, form = case.timeline, case.shape
    if drawn is not None and drawn.clock == "timestamp":
        drawn = timeline.heard(case.rows, case.view)
        form = shape.shape(drawn)
    most = facts.fullest_moment(drawn)
    at_once, one_by_one = form in {"steps", "burst"}, form in {"steady", "falling"}
    lone = most is not None and most <= facts.SCATTERED and not at_once and not one_by_one
    return Silence(drawn, form, at_once, one_by_one, most if lone else None, facts.TIMELINE["timeout"])

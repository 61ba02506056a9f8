"""Many values of one setting: where the table settles with each, the knee, and what cuts nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.tcp import timeouts
from halftrack.whatif import words
from halftrack.whatif.document import Sweep, Tried

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.conditions import Conditions
    from halftrack.diagnosis.course import Course
    from halftrack.whatif.answering import Drawing
    from halftrack.whatif.cutting import Cutting

_FLAT: Final = 0.02
"""Of its highest point: a curve that rises by less has no knee."""
_BEND: Final = 0.1
"""Of its height: so far a knee is from the straight line between the ends."""
_CUTTING: Final = (timeouts.ESTABLISHED, timeouts.UNACKNOWLEDGED, timeouts.MAX_RETRANS, timeouts.CLOSE_WAIT)
_FEWEST: Final = 3


@dataclass(frozen=True, slots=True)
class Trying:
    """``course`` goes on under ``conditions``, which hold beside each of the values, as do ``rules``."""

    course: Course
    conditions: Conditions
    cutting: Cutting
    rules: Sequence[words.Rule]
    drawing: Drawing

    def sweep(self, wanted: words.Sweep) -> Sweep:
        tried = [self._tried(wanted.setting, value) for value in wanted.values]
        return Sweep(
            setting=words.full(wanted.setting),
            tried=tuple(tried),
            knee=_knee(tried),
            cuts_none_from=self._lowest(wanted, tried),
        )

    def _tried(self, setting: str, value: int) -> Tried:
        then = self.conditions.under({setting: value})
        after, drawing = self.course.under(then), self.drawing
        return Tried(
            value=value,
            settles_at=drawing.told(after.settles_at()),
            low=_rounded(after.settles_at("slow")),
            high=drawing.told(after.settles_at("fast")),
            at_horizon=drawing.told(float(after.at(np.array([float(drawing.horizon_s)]))[0])),
            full_at_s=drawing.full_s(after),
            live_flows_lost=self.cutting.by(then, self.rules).lost,
        )

    def _lowest(self, wanted: words.Sweep, tried: Sequence[Tried]) -> int | None:
        """To the second: below it something is cut, from it on nothing. None: nobody can tell, or all cut."""
        if wanted.setting not in _CUTTING or tried[0].live_flows_lost is None:
            return None
        clean = next((place for place, each in enumerate(tried) if each.live_flows_lost == 0), None)
        if clean is None:
            return None
        if clean == 0:
            return tried[0].value
        below, above = tried[clean - 1].value, tried[clean].value
        while above - below > 1:
            middle = (below + above) // 2
            then = self.conditions.under({wanted.setting: middle})
            if self.cutting.by(then, self.rules).lost == 0:
                above = middle
            else:
                below = middle
        return above


def _rounded(entries: float | None) -> int | None:
    return None if entries is None else round(entries)


def _knee(tried: Sequence[Tried]) -> int | None:
    """The value at which the curve is farthest below the line between its ends, on a logarithmic axis.

    Without a settled size, by the size at the horizon.
    """
    sizes = [each.settles_at if each.settles_at is not None else each.at_horizon for each in tried]
    known = [size for size in sizes if size is not None]
    if len(known) < max(len(tried), _FEWEST):
        return None
    heights = np.array(known, np.float64)
    rise = heights[-1] - heights[0]
    if rise <= _FLAT * heights.max():
        return None
    places = np.log([max(each.value, 1) for each in tried])
    places = (places - places[0]) / (places[-1] - places[0])
    below = places - (heights - heights[0]) / rise
    at = int(np.argmax(below))
    return tried[at].value if below[at] > _BEND else None

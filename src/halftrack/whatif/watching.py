"""Two moments of one table: what came in between."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.diagnosis import words
from halftrack.diagnosis.arrivals import Rate, Seconds
from halftrack.diagnosis.since.names import Names, pairs

if TYPE_CHECKING:
    from halftrack.whatif.answering import Seen

_SIGMAS: Final = 2.0
_NEVER_ANEW: Final = ("idle-established",)
"""Cases that an entry joins long after it came: a new one among them says nothing of when it came."""


@dataclass(frozen=True, slots=True)
class Watched:
    """``rates`` of new entries by symptom. ``drift``: how many more entries of no case there are a second.

    ``interval_s`` 0: how far apart the two moments are cannot be told.
    """

    interval_s: int
    rates: Mapping[str, Rate]
    drift: float
    basis: str

    def widened(self, at_s: Seconds, low: Seconds, high: Seconds) -> tuple[Seconds, Seconds]:
        """Bounds with what the rest of the table did meanwhile, carried on for as long again."""
        more = self.drift * np.minimum(at_s, self.interval_s)
        return np.maximum(low + np.minimum(more, 0), 0), high + np.maximum(more, 0)


def watched(earlier: Seen, later: Seen, interval_s: int) -> Watched:
    """What came in ``interval_s`` seconds between two moments of a table."""
    then, now = earlier.view.table.flows, later.view.table.flows
    assert then is not None  # noqa: S101  # a view of what was read
    assert now is not None  # noqa: S101  # likewise
    new = np.ones(len(now), np.bool_)
    new[pairs(Names.of(then), Names.of(now)).now] = False
    rates = {}
    told = []
    for case in later.cases:
        if case.symptom in _NEVER_ANEW or case.shape == "steps":
            # Between two steps nothing comes, and in one many do: a mean of that says less than they do.
            continue
        came = int(np.count_nonzero(new & case.rows.mask.to_numpy()))
        error = _SIGMAS * math.sqrt(max(came, 1))
        rates[case.symptom] = Rate(
            max(came - error, 0) / interval_s, came / interval_s, (came + error) / interval_s
        )
        told.append(f"{came:,} new {case.symptom} entries")
    rest_then = earlier.view.flows.height - sum(case.rows.height for case in earlier.cases)
    rest_now = later.view.flows.height - sum(case.rows.height for case in later.cases)
    change = rest_now - rest_then
    chance = _SIGMAS * math.sqrt(max(rest_then, rest_now, 1))
    drift = change / interval_s if abs(change) > chance else 0.0
    between = words.duration(interval_s)
    basis = f"{', '.join(told) or 'nothing that piles up'} in the {between} between two moments"
    if drift:
        basis += (
            f"; of the rest {abs(change):,} {'more' if change > 0 else 'fewer'}, which the bounds carry on"
        )
    return Watched(interval_s, rates, drift, basis)

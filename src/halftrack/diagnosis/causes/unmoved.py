"""Entries that packets have not made.

Where the kernel counts, even the first packet is counted; and a kernel that cuts one-sided entries short
gives them no more than that. What sockets of our end say or hear is seen by the entry that it belongs to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import entries
from halftrack.diagnosis.causes import facts, replies
from halftrack.diagnosis.causes.weighing import Clue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.case import Case

_BOUND: Final = -0.5
"""A timeout policy gives other times, too."""
_WHAT: Final = "share that no packet has passed for, not even a first"


def by_packets(case: Case, weight: float, *, own: bool = False) -> Clue | None:
    """For (``weight`` above 0) or against a cause, by most of the entries; None where they were moved.

    None also without accounting: an entry from before it was switched on counts nothing and tells nothing.
    """
    share = case.once("unmoved", _unmoved)
    if share < 0.5:
        return None
    return Clue(_WHAT, round(share, 2), facts.COUNTERS, weight * share, own=own)


def _unmoved(case: Case) -> float:
    return facts.share(case.rows, ~entries.answered() & (pl.col("orig_packets") == 0))


def _longer(case: Case) -> float:
    return facts.share(case.rows, pl.col("origin") == "injected")


def doubts(case: Case) -> Iterator[Clue]:
    """Against whatever packets leave behind."""
    counted, moved_away = by_packets(case, -0.9), replies.elsewhere(case, -0.8)
    yield from (clue for clue in (counted, moved_away) if clue is not None)
    longer = case.once("longer", _longer)
    if longer >= 0.5:
        what = "share with more time left than packets give a one-sided entry here"
        yield Clue(what, round(longer, 2), facts.entries_of(case.view), _BOUND)

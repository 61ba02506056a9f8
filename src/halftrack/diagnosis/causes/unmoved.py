"""Entries that no packet has ever moved: where the kernel counts, even the first one is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import entries
from halftrack.diagnosis.causes import facts
from halftrack.diagnosis.causes.weighing import Clue

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case

_WHAT: Final = "share that no packet has passed for, not even a first"


def by_packets(case: Case, weight: float, *, own: bool = False) -> Clue | None:
    """For (``weight`` above 0) or against a cause, by most of the entries; None where they were moved.

    None also without accounting: an entry from before it was switched on counts nothing and tells nothing.
    """
    share = facts.share(case.rows, ~entries.answered() & (pl.col("orig_packets") == 0))
    if share < 0.5:
        return None
    return Clue(_WHAT, round(share, 2), facts.COUNTERS, weight * share, own=own)

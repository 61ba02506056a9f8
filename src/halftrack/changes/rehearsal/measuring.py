"""What became of a sample between two looks at it: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence.flows import TUPLE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

_SLACK_S: Final = 3
"""What rounding and the time between looks may make of an entry's seconds."""


@dataclass(frozen=True, slots=True)
class Became:
    """Counts of entries, as in ``plans.rehearsal.Happened``."""

    freed: int = 0
    later: int = 0
    others: int = 0

    def __add__(self, other: Became) -> Became:
        return Became(self.freed + other.freed, self.later + other.later, self.others + other.others)


def compare(
    before: pl.DataFrame,
    after: pl.DataFrame,
    elapsed_s: float,
    meant: Sequence[pl.DataFrame],
    horizon_s: int,
) -> Became:
    """Frames of a flow table. ``meant``: tuples of what the step was about, or nothing.

    ``horizon_s``: what a dead entry is left at most. What ran out by itself meanwhile counts nowhere.
    """
    keys = list(TUPLE_COLUMNS)
    now = after.select(*keys, pl.col("timeout").alias("now"), there=pl.lit(value=True)).unique(keys)
    joined = before.select(*keys, "timeout").join(now, on=keys, how="left", nulls_equal=True)
    joined = joined.filter(pl.col("timeout") > elapsed_s + _SLACK_S)
    gone = pl.col("there").is_null()
    short = joined.filter(gone | (pl.col("now") < pl.col("timeout") - elapsed_s - _SLACK_S))
    freed = short.filter(gone | (pl.col("now") <= horizon_s)).height
    others = short
    if meant:
        about = pl.concat([one.select(keys) for one in meant])
        others = short.join(about, on=keys, how="anti", nulls_equal=True)
    return Became(freed, short.height - freed, others.height)

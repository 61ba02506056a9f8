"""Entries that a dump shows more than once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.flows import TUPLE_COLUMNS

if TYPE_CHECKING:
    import numpy.typing as npt

_RUN: Final = 1 << 16


def without_doubles(frame: pl.DataFrame) -> pl.DataFrame:
    """Each entry once, in its last form.

    A dump restarts a bucket whose remembered entry went away, and shows some entries again. The
    32-bit id alone is no proof (among a million entries about a hundred pairs share one), so it
    only names the candidates; tuple and zone decide.
    """
    ids = frame["id"].fill_null(0).to_numpy()
    ordered = np.sort(ids)
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not shared.size:
        return frame
    place = np.minimum(np.searchsorted(shared, ids), shared.size - 1)
    rows = np.flatnonzero(shared[place] == ids)
    doubled = frame[list(TUPLE_COLUMNS)][rows].with_columns(row=pl.Series(rows))
    once = doubled.group_by(TUPLE_COLUMNS).agg(pl.col("row").max())["row"]
    drop = np.setdiff1d(rows, once.to_numpy())
    return _without(frame, drop) if drop.size else frame


def _without(frame: pl.DataFrame, rows: npt.NDArray[np.intp]) -> pl.DataFrame:
    """The frame without some rows. Runs that lose none are not copied: a table may fill the memory."""
    runs: list[pl.DataFrame] = []
    for start in range(0, frame.height, _RUN):
        run = frame.slice(start, _RUN)
        lost = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + _RUN)] - start
        if lost.size:
            keep = np.ones(run.height, dtype=np.bool_)
            keep[lost] = False
            run = run.filter(pl.Series(keep))
        runs.append(run)
    return pl.concat(runs, rechunk=False)

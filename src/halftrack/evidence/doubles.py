"""Entries that a source shows more than once: each is kept in its last form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.flows import TUPLE_COLUMNS

if TYPE_CHECKING:
    import numpy.typing as npt

RUN: Final = 1 << 16


def without_doubles(frame: pl.DataFrame, hints: npt.NDArray[np.unsignedinteger]) -> pl.DataFrame:
    """Each entry once. Equal ``hints``, one per row, only name candidates: tuple and zone decide."""
    ordered = np.sort(hints)
    shared = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not shared.size:
        return frame
    place = np.minimum(np.searchsorted(shared, hints), shared.size - 1)
    rows = np.flatnonzero(shared[place] == hints)
    doubled = frame[list(TUPLE_COLUMNS)][rows].with_columns(row=pl.Series(rows))
    once = doubled.group_by(TUPLE_COLUMNS).agg(pl.col("row").max())["row"]
    drop = np.setdiff1d(rows, once.to_numpy())
    return _without(frame, drop) if drop.size else frame


def _without(frame: pl.DataFrame, rows: npt.NDArray[np.intp]) -> pl.DataFrame:
    """The frame without some rows. Runs that lose none are not copied: a table may fill the memory."""
    runs: list[pl.DataFrame] = []
    for start in range(0, frame.height, RUN):
        run = frame.slice(start, RUN)
        lost = rows[np.searchsorted(rows, start) : np.searchsorted(rows, start + RUN)] - start
        if lost.size:
            keep = np.ones(run.height, dtype=np.bool_)
            keep[lost] = False
            run = run.filter(pl.Series(keep))
        runs.append(run)
    return pl.concat(runs, rechunk=False)

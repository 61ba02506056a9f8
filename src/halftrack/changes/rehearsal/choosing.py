"""Which entries of a table a rehearsal gets: pure, and the same again for the same table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.flows import TUPLE_COLUMNS
from halftrack.evidence.marks import folded, marks

if TYPE_CHECKING:
    import numpy.typing as npt

MOST: Final = 20_000
HOW: Final = (
    "entries of the services that the plan is about first, then the others; of each service and state"
    " as large a share as of the table, and one at least; drawn by their addresses and ports, so that the"
    " same table gives the same sample"
)
_SEED: Final = 0x68_616C_6674_7261


def choose(flows: pl.DataFrame, affected: pl.Series, most: int) -> pl.Series:
    """Boolean, one per row: at most ``most`` of them, and all where they are no more.

    ``flows``: a view's columns, among them those of the original tuple, ``service`` and ``state``.
    ``affected``: Boolean likewise: rows that come before all others.
    """
    if flows.height <= most:
        return pl.repeat(value=True, n=flows.height, dtype=pl.Boolean, eager=True)
    first = affected.fill_null(value=False).to_numpy()
    rank = _ranks(flows)
    groups = marks(flows, ("service", "l4proto", "state"))
    chosen = np.zeros(flows.height, np.bool_)
    room = most
    for part in (first, ~first):
        rows = np.flatnonzero(part)
        taken = _take(rows, groups[rows], rank[rows], room)
        chosen[taken] = True
        room -= len(taken)
    return pl.Series(chosen)


def _ranks(flows: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """A number per row that depends on the entry alone, not on where it stands in the dump."""
    seed = np.full(flows.height, _SEED, np.uint64)
    return folded(seed, marks(flows, TUPLE_COLUMNS))


def _take(
    rows: npt.NDArray[np.intp],
    groups: npt.NDArray[np.uint64],
    rank: npt.NDArray[np.uint64],
    room: int,
) -> npt.NDArray[np.intp]:
    """At most ``room`` of the rows, of each group its share, the lowest ranks of it."""
    if len(rows) <= room:
        return rows
    names, group, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    shares = _shares(sizes, room, names)
    order = np.lexsort((rank, group))
    starts = np.cumsum(sizes) - sizes
    place = np.arange(len(rows)) - starts[group[order]]
    taken: npt.NDArray[np.intp] = rows[order[place < shares[group[order]]]]
    return taken


def _shares(sizes: npt.NDArray[np.intp], room: int, names: npt.NDArray[np.uint64]) -> npt.NDArray[np.intp]:
    """So many of each group: in proportion, one of each while there is room, ``room`` in all."""
    if room <= len(sizes):
        shares = np.zeros(len(sizes), np.intp)
        shares[np.lexsort((names, -sizes))[:room]] = 1
        return shares
    exact = (room - len(sizes)) * ((sizes - 1) / max(int((sizes - 1).sum()), 1))
    shares = 1 + np.floor(exact).astype(np.intp)
    left = room - int(shares.sum())
    # Rounded up where most is missing; a group is never asked for more than it has.
    order = np.lexsort((names, shares - 1 - exact))
    able = order[shares[order] < sizes[order]]
    shares[able[:left]] += 1
    return shares

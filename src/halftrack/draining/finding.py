"""Finding entries that were read before among others that were read since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from halftrack.evidence.flows import TUPLE_COLUMNS
from halftrack.evidence.marks import folded

if TYPE_CHECKING:
    from collections.abc import Mapping

    import polars as pl

_Column: TypeAlias = npt.NDArray[np.generic]
_IDENTITY: Final = ("id", *TUPLE_COLUMNS)


class Index:
    """The entries of some rows of a table, by tuple, zone and id. ``rows``: their numbers in ``flows``."""

    def __init__(self, flows: pl.DataFrame, rows: pl.Series) -> None:
        # What a tuple lacks follows from its protocol: null may pass for 0 here.
        entries = flows[list(_IDENTITY)][rows]
        self.rows = rows
        self._columns = {name: entries[name].fill_null(0).to_numpy() for name in _IDENTITY}
        self._order, self._numbers = _sorted(self._columns)

    def find(self, others: pl.DataFrame) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Which of the others are among the entries, and which of the entries each is.

        The second counts within ``rows``. Of two entries that share a number one is found at most.
        """
        columns = {name: others[name].fill_null(0).to_numpy() for name in _IDENTITY}
        # Looked up in order, so that what is compared lies side by side in memory.
        order, numbers = _sorted(columns)
        place = np.searchsorted(self._numbers, numbers)
        place[place == len(self._numbers)] = 0
        hit = self._numbers[place] == numbers if len(self._numbers) else np.zeros(len(place), np.bool_)
        found, which = order[hit], self._order[place[hit]]
        same = np.ones(len(found), np.bool_)
        for name, values in columns.items():
            same &= values[found] == self._columns[name][which]
        return found[same], which[same]


def _sorted(columns: Mapping[str, _Column]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.uint64]]:
    """Entries in the order of the number that each folds into, and those numbers."""
    numbers = np.zeros(len(columns["id"]), np.uint64)
    for values in columns.values():
        numbers = folded(numbers, values)
    order = np.argsort(numbers)
    return order, numbers[order]

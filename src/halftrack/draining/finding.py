"""Finding entries that were read before among others that were read since."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from halftrack.evidence.flows import TUPLE_COLUMNS
from halftrack.evidence.marks import MIX, folded

if TYPE_CHECKING:
    import polars as pl

_Numbers: TypeAlias = npt.NDArray[np.uint64]
_IDENTITY: Final = ("id", *TUPLE_COLUMNS)


class Index:
    """The entries of some rows of a table, by tuple, zone and id. ``rows``: their numbers in ``flows``."""

    def __init__(self, flows: pl.DataFrame, rows: pl.Series) -> None:
        self.rows = rows
        self._order, self._numbers, self._proofs = _sorted(flows[list(_IDENTITY)][rows])

    def find(self, others: pl.DataFrame) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
        """Which of the others are among the entries, and which of the entries each is.

        The second counts within ``rows``. Of two entries that share a number one is found at most.
        """
        # Looked up in order, so that what is compared lies side by side in memory.
        order, numbers, proofs = _sorted(others)
        place = np.searchsorted(self._numbers, numbers)
        place[place == len(self._numbers)] = 0
        hit = (
            (self._numbers[place] == numbers) & (self._proofs[place] == proofs)
            if len(self._numbers)
            else np.zeros(len(place), np.bool_)
        )
        return order[hit], self._order[place[hit]]


def _sorted(entries: pl.DataFrame) -> tuple[npt.NDArray[np.intp], _Numbers, _Numbers]:
    """Entries in the order of the number that each folds into, those numbers, and a second one of each.

    Both being the same says that the entries are: part of them is the id, which the kernel makes with a
    secret (nf_ct_get_id), so that nobody can bring about what does not happen by itself once in 2**128.
    """
    numbers, proofs = np.zeros(entries.height, np.uint64), np.full(entries.height, MIX)
    for name in _IDENTITY:
        column = entries[name]
        # What a tuple lacks follows from its protocol: null may pass for 0 here.
        values = (column.fill_null(0) if column.null_count() else column).to_numpy()
        numbers, proofs = folded(numbers, values), folded(proofs, values)
    order = np.argsort(numbers)
    return order, numbers[order], proofs[order]

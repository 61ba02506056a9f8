"""Some rows of a table, none of them copied before somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis import ends
from halftrack.diagnosis.clocks import SLICE
from halftrack.evidence.flows import chosen, select

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

SAMPLE: Final = 20_000
"""Enough for shares, not for counts. No more rows than that are cut out once and then kept."""


@dataclass(frozen=True, slots=True)
class MarkedRows:
    """The rows of ``flows`` that ``mask`` (Boolean, no nulls) marks; ``places`` are their numbers.

    They have the columns of ``view.View.flows`` and those of ``ends.ends``.
    """

    flows: pl.DataFrame
    mask: pl.Series
    places: pl.Series
    _cut: list[pl.DataFrame] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, flows: pl.DataFrame, mask: pl.Series) -> MarkedRows:
        """Those that the mask marks."""
        return cls(flows, mask, mask.arg_true())

    @property
    def height(self) -> int:
        return len(self.places)

    def lazy(self) -> pl.LazyFrame:
        """The rows as a query: only the columns that it asks for are cut out."""
        few = self._few()
        return few.lazy() if few is not None else self._asked()

    def _few(self) -> pl.DataFrame | None:
        """All columns of the rows, where they are few: they are asked for a hundred times."""
        if self.height > SAMPLE:
            return None
        if not self._cut:
            self._cut.append(chosen(self.flows, self.mask).with_columns_seq(*ends.WHOSE))
        return self._cut[0]

    def _asked(self) -> pl.LazyFrame:
        return ends.ends(self.flows.lazy().filter(self.mask))

    def select(self, *wanted: pl.Expr | str, **named: pl.Expr) -> pl.DataFrame:
        """``lazy().select(…)``, done."""
        few = self._few()
        if few is not None:
            return select(few, *wanted, **named)
        return self._asked().select(*wanted, **named).collect()

    def column(self, name: str) -> pl.Series:
        """One column of the rows."""
        few = self._few()
        return few[name] if few is not None else self.select(name).to_series()

    def count(self, condition: pl.Expr) -> int:
        """How many rows meet a condition; null meets nothing."""
        return int(self.select(condition.fill_null(value=False).sum()).item())

    def sample(self, *names: str) -> pl.DataFrame:
        """Some columns of some rows from all over the table; of all rows where they are few."""
        few = self._few()
        if few is not None:
            return few[list(names)]
        return self._gathered(self.places.gather_every(max(self.height // SAMPLE, 1)), names)

    def at(self, places: npt.NDArray[np.intp], names: Sequence[str]) -> pl.DataFrame:
        """Some columns of the rows with these numbers, counted among the marked ones."""
        few = self._few()
        if few is not None:
            return few[list(names)][places]
        return self._gathered(self.places.gather(pl.Series(places)), names)

    def slices(self, names: Sequence[str]) -> Iterator[pl.DataFrame]:
        """Some columns of all rows, as many at a time as the processor's cache holds."""
        few = self._few()
        if few is not None:
            yield few[list(names)]
            return
        for start in range(0, self.flows.height, SLICE):
            part = self.flows.slice(start, SLICE).lazy().filter(self.mask.slice(start, SLICE))
            yield ends.ends(part).select(names).collect()

    def _gathered(self, places: pl.Series, names: Sequence[str]) -> pl.DataFrame:
        # Columns are chosen before rows are: a gather copies whatever it is given.
        if ends.ADDED.isdisjoint(names):
            return self.flows[list(names)][places]
        own = [name for name in names if name not in ends.ADDED]
        source = self.flows[list(dict.fromkeys((*own, *ends.NEEDED)))]
        return ends.ends(source[places].lazy()).select(names).collect()

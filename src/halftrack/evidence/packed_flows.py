"""Entries kept in little memory: a node may have hundreds of small tables, each much of a kind."""

from __future__ import annotations

from dataclasses import fields
from typing import Any, Final

import numpy as np
import polars as pl

from halftrack.evidence.flows import SCHEMA, FlowTable, blank

_TURNED: Final = {
    **{
        f"reply_{end}_{half}": f"orig_{other}_{half}"
        for end, other in (("src", "dst"), ("dst", "src"))
        for half in ("hi", "lo")
    },
    "reply_sport": "orig_dport",
    "reply_dport": "orig_sport",
}
_WIDTHS: Final = (np.uint8, np.uint16, np.uint32)


class PackedFlows(FlowTable):
    """A table whose ``frame`` is spelt out anew whenever it is asked for: worth it where it is small.

    What is one value in all rows is that value, repeated; a reply that is its original turned round is
    the same columns twice; numbers are kept as what they are above the least of their column.
    """

    __slots__ = ("_narrow", "_spelt")

    _narrow: pl.DataFrame
    _spelt: tuple[pl.Expr, ...]

    def __init__(self, frame: pl.DataFrame, **others: Any) -> None:
        plain = FlowTable(frame, **others)
        for field in fields(FlowTable):
            if field.name != "frame":
                object.__setattr__(self, field.name, getattr(plain, field.name))
        self._keep(*_packed(frame))

    @property
    def frame(self) -> pl.DataFrame:
        # One after the other: so small, they are done sooner than handed to other threads.
        return self._narrow.with_columns_seq(self._spelt)

    def __len__(self) -> int:
        return self._narrow.height

    def let_go(self) -> None:
        """See ``FlowTable``."""
        self._keep(blank(self._narrow), ())

    def _keep(self, narrow: pl.DataFrame, spelt: tuple[pl.Expr, ...]) -> None:
        for name, value in (("_narrow", narrow), ("_spelt", spelt)):
            object.__setattr__(self, name, value)


def _packed(frame: pl.DataFrame) -> tuple[pl.DataFrame, tuple[pl.Expr, ...]]:
    """The columns as they are kept; how those are spelt out that are kept as what is above their least."""
    if frame.is_empty():
        return frame, ()
    turned = {reply: original for reply, original in _TURNED.items() if frame[reply].equals(frame[original])}
    kept: dict[str, pl.Expr | pl.Series] = {}
    least: dict[str, int] = {}
    for name, dtype in SCHEMA.items():
        if name in turned or not dtype.is_integer() or frame[name].null_count():
            continue
        values = frame[name].to_numpy()
        low, high = int(values.min()), int(values.max())
        width = next((one for one in _WIDTHS if high - low <= np.iinfo(one).max), None)
        if low == high:
            kept[name] = pl.lit(low, dtype)
        elif width is not None and np.dtype(width).itemsize < values.itemsize:
            kept[name] = pl.Series(name, (values - values.dtype.type(low)).astype(width))
            least[name] = low
    narrow = frame.with_columns(**kept)
    # The same columns once more, no copies of them.
    narrow = narrow.with_columns(**{reply: pl.col(original) for reply, original in turned.items()})
    least |= {reply: least[one] for reply, one in turned.items() if one in least}
    spelt = (pl.col(name).cast(SCHEMA[name]) + pl.lit(low, SCHEMA[name]) for name, low in least.items())
    return narrow, tuple(spelt)

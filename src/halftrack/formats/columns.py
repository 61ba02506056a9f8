"""Columns of one block while they are being made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.flows import SCHEMA

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.formats.digits import Flags, Places

_NUMPY: Final[dict[type[pl.DataType] | pl.DataType, npt.DTypeLike]] = {
    pl.UInt8: np.uint8,
    pl.UInt16: np.uint16,
    pl.UInt32: np.uint32,
    pl.UInt64: np.uint64,
    pl.Int64: np.int64,
}


@dataclass(slots=True)
class Columns:
    """Columns of one block under construction: ``height`` lines in their order.

    A line is faulted by ``refuse`` (unreadable) or by ``again`` (to be read once more with every
    address captured). ``quads``: lines with an address that was captured and is a dotted quad.
    """

    height: int
    values: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)
    known: dict[str, Flags] = field(default_factory=dict)
    texts: dict[str, pl.Series] = field(default_factory=dict)
    fault: npt.NDArray[np.int16] = field(init=False)
    again: Flags = field(init=False)
    quads: Flags = field(init=False)
    reasons: list[str] = field(default_factory=lambda: [""])

    def __post_init__(self) -> None:
        self.fault = np.zeros(self.height, dtype=np.int16)
        self.again = np.zeros(self.height, dtype=bool)
        self.quads = np.zeros(self.height, dtype=bool)

    def put(self, column: str, rows: slice | Places, values: npt.ArrayLike) -> None:
        """Set a column's values for some lines."""
        if column not in self.values:
            self.values[column] = np.zeros(self.height, dtype=_NUMPY[SCHEMA[column]])
            self.known[column] = np.zeros(self.height, dtype=bool)
        self.values[column][rows] = values
        self.known[column][rows] = True

    def refuse(self, rows: slice | Places, wrong: Flags, reason: str) -> None:
        """Fault the lines where ``wrong`` holds, if they have no fault yet."""
        if wrong.any():
            if reason not in self.reasons:
                self.reasons.append(reason)
            faults = self.fault[rows]
            faults[wrong & (faults == 0)] = self.reasons.index(reason)
            self.fault[rows] = faults

"""Entries that stand in a text more than once: two tables in one file, or one read while it changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence.addresses import OPAQUE_HI
from halftrack.evidence.doubles import without_doubles
from halftrack.evidence.flows import FlowTable
from halftrack.evidence.marks import marks

if TYPE_CHECKING:
    import numpy.typing as npt
    import polars as pl

_HINTED: Final = ("orig_src_lo", "orig_dst_lo", "orig_sport", "orig_dport", "orig_icmp_id", "zone")


def once(flows: FlowTable) -> tuple[FlowTable, tuple[str, ...]]:
    """Each entry as it stands last, and a note where any was left out."""
    numbered = flows.frame if flows.lines is None else flows.frame.with_columns(flows.lines)
    frame = without_doubles(numbered, _hints(flows.frame))
    repeated = len(flows) - frame.height
    if not repeated:
        return flows, ()
    note = f"{repeated:,} entries stand in the text more than once: counted once each, as they stand last."
    if flows.lines is None:
        return FlowTable(frame, flows.opaque), (note,)
    return FlowTable(frame.drop("line"), flows.opaque, frame["line"]), (note,)


def _hints(frame: pl.DataFrame) -> npt.NDArray[np.uint64]:
    """The same number for the same original tuple; a masked address may hide two, so none is like another."""
    hints = marks(frame, _HINTED)
    masked = ((frame["orig_src_hi"] == OPAQUE_HI) | (frame["orig_dst_hi"] == OPAQUE_HI)).arg_true().to_numpy()
    hints[masked] = np.arange(len(masked), dtype=np.uint64)
    return hints

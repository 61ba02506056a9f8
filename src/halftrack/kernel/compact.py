"""Frames that are kept, in less memory: a node may have hundreds of small tables, each much of a kind."""

from __future__ import annotations

from typing import Final

import polars as pl

_TURNED: Final = {
    **{
        f"reply_{end}_{half}": f"orig_{other}_{half}"
        for end, other in (("src", "dst"), ("dst", "src"))
        for half in ("hi", "lo")
    },
    "reply_sport": "orig_dport",
    "reply_dport": "orig_sport",
}


def compact(frame: pl.DataFrame) -> pl.DataFrame:
    """The same rows, in all columns of the flow table's schema: what is one value in all of them is that
    value, repeated, and a reply that is its original turned round is the same columns twice.
    """
    if frame.is_empty():
        return frame
    alike = {
        name: pl.lit(frame[name][0], dtype) for name, dtype in frame.schema.items() if _is_one(frame[name])
    }
    turned = {
        reply: pl.col(original)
        for reply, original in _TURNED.items()
        if reply not in alike and frame[reply].equals(frame[original])
    }
    return frame.with_columns(**alike, **turned)


def _is_one(column: pl.Series) -> bool:
    if column.dtype == pl.String or column.null_count():
        return False
    values = column.to_numpy()
    return bool(values[0] == values[-1] and (values == values[0]).all())

"""Columns of a block as a frame of the flow table's schema."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.addresses import OPAQUE_HI
from halftrack.evidence.flows import ADDRESS_COLUMNS, SCHEMA

if TYPE_CHECKING:
    from halftrack.formats.columns import Columns
    from halftrack.formats.digits import Places


def frame_of(columns: Columns, rows: Places) -> pl.DataFrame:
    """The lines at ``rows``, in this order, in the schema's columns; what no text said is null."""
    _zones(columns)
    if len(rows):
        _translations(columns)
    chosen = slice(None) if len(rows) == columns.height else rows
    return pl.DataFrame([_series(columns, name, chosen, len(rows)) for name in SCHEMA])


def moved(frame: pl.DataFrame, by: int) -> pl.DataFrame:
    """The frame with its opaque addresses' indices moved."""
    if not by:
        return frame
    return frame.with_columns(
        pl.when(pl.col(f"{stem}_hi") == OPAQUE_HI)
        .then(pl.col(f"{stem}_lo") + by)
        .otherwise(pl.col(f"{stem}_lo"))
        .alias(f"{stem}_lo")
        for stem in ADDRESS_COLUMNS
    )


def _series(columns: Columns, name: str, rows: slice | Places, height: int) -> pl.Series:
    if SCHEMA[name] == pl.String:
        return _text(columns, name, rows, height)
    if name not in columns.values:
        return nulls(name, height)
    known = columns.known[name][rows]
    if not known.any():
        return nulls(name, height)
    series = pl.Series(name, columns.values[name][rows])
    return series if known.all() else series.set(pl.Series(~known), None)


def _text(columns: Columns, name: str, rows: slice | Places, height: int) -> pl.Series:
    if name not in columns.texts:
        return nulls(name, height)
    return columns.texts[name] if isinstance(rows, slice) else columns.texts[name].gather(rows)


def nulls(name: str, height: int) -> pl.Series:
    """A column that nothing is known of. Blocks share the memory of these."""
    room = max(1 << max(height - 1, 0).bit_length(), 1 << 12)
    return _null_block(SCHEMA[name], room).head(height).alias(name)


@lru_cache(maxsize=64)
def _null_block(dtype: pl.DataType, height: int) -> pl.Series:
    return pl.repeat(None, height, dtype=dtype, eager=True)


def _zones(columns: Columns) -> None:
    every = slice(None)
    if "zone" not in columns.values:
        columns.put("zone", every, 0)
    if "zone_dir" not in columns.values:
        columns.put("zone_dir", every, uapi.NF_CT_DEFAULT_ZONE_DIR)
    columns.known["zone"][:] = True
    columns.known["zone_dir"][:] = True
    columns.values["zone_dir"][columns.values["zone"] == 0] = uapi.NF_CT_DEFAULT_ZONE_DIR


def _translations(columns: Columns) -> None:
    """Status bits of address translation, which no text prints: the tuples do not mirror each other.

    Two spellings of which one is masked are left to masks.py, which sees the whole table.
    """
    values = columns.values
    for there, back, bit, port, mirrored in (
        ("orig_dst", "reply_src", uapi.IPS_DST_NAT, "orig_dport", "reply_sport"),
        ("orig_src", "reply_dst", uapi.IPS_SRC_NAT, "orig_sport", "reply_dport"),
    ):
        there_hi, back_hi = values[f"{there}_hi"], values[f"{back}_hi"]
        differs = (there_hi != back_hi) | (values[f"{there}_lo"] != values[f"{back}_lo"])
        differs &= (there_hi != np.uint64(OPAQUE_HI)) & (back_hi != np.uint64(OPAQUE_HI))
        if port in values:
            differs |= values[port] != values[mirrored]
        values["status"][differs] |= np.uint32(bit)

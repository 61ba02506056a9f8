"""Counted entries: as a document, as a table to read, as CSV.

A frame of counts has the key's columns (String or Int64), ``entries`` and ``one_sided`` (Int64).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.reporters.json import UNSEEN

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNSEEN: Final = r"\p{C}"


def document(counted: pl.DataFrame, by: Sequence[str], total: int) -> bytes:
    """``halftrack.groups/1``. ``total``: entries in all groups, those left out included."""
    groups = _objects(counted, by)
    head = f'{{"schema":"halftrack.groups/1","by":{json.dumps(list(by))},"groups":['
    body = groups.str.join(",\n").item() if len(groups) else ""
    return f'{head}\n{body}\n],"total":{total}}}\n'.encode()


def lines(counted: pl.DataFrame, by: Sequence[str]) -> bytes:
    """The groups alone, an object a line."""
    return "".join(f"{group}\n" for group in _objects(counted, by)).encode()


def _objects(counted: pl.DataFrame, by: Sequence[str]) -> pl.Series:
    keys = [_json(name) for name in by]
    separated = [part for key in keys for part in (pl.lit(","), key)][1:]
    text = pl.concat_str(
        pl.lit('{"key":['),
        *separated,
        pl.lit('],"entries":'),
        pl.col("entries").cast(pl.String),
        pl.lit(',"one_sided":'),
        pl.col("one_sided").cast(pl.String),
        pl.lit("}"),
    )
    return counted.select(group=text)["group"].str.replace_many(dict(UNSEEN))


def _json(name: str) -> pl.Expr:
    whole = pl.struct(pl.col(name).alias("k")).struct.json_encode()
    return whole.str.slice(5, whole.str.len_chars() - 6)


def text(counted: pl.DataFrame, by: Sequence[str], *, ascii_only: bool) -> str:
    """Columns: the key's fields, entries, one-sided ones."""
    shown = counted.select(
        *(_shown(pl.col(name).cast(pl.String), ascii_only=ascii_only).fill_null("-") for name in by),
        pl.col("entries").cast(pl.String),
        pl.col("one_sided").cast(pl.String),
    )
    head = pl.DataFrame([[name] for name in (*by, "entries", "one-sided")], schema=shown.schema)
    whole = pl.concat([head, shown])
    widths = [int(whole[name].str.len_chars().max() or 0) for name in whole.columns]  # type: ignore[arg-type]  # numbers
    padded = [
        pl.col(name).str.pad_end(width) if name in by else pl.col(name).str.pad_start(width)
        for name, width in zip(whole.columns, widths, strict=True)
    ]
    written = whole.select(line=pl.concat_str(padded, separator="  "))["line"]
    return str(written.str.join("\n").item()) + "\n"


def csv(counted: pl.DataFrame, by: Sequence[str]) -> str:
    """With a header line; ``key`` columns named as the fields are."""
    wanted = counted.select(*by, "entries", "one_sided")
    return wanted.with_columns(_shown(pl.col(pl.String), ascii_only=False)).write_csv()


def _shown(column: pl.Expr, *, ascii_only: bool) -> pl.Expr:
    return column.str.replace_all(r"[^ -~]" if ascii_only else _UNSEEN, "?")

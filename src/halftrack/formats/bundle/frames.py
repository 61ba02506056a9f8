"""Frames as bytes: a line that names the columns, then their values one column after the other.

No format of a library: what is mailed in is not to be trusted, and these few lines cannot be made to
read or allocate more than is there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import polars as pl

from halftrack.formats import memory

if TYPE_CHECKING:
    from collections.abc import Iterator

_NUMBERS: Final = {
    "UInt8": "<u1",
    "UInt16": "<u2",
    "UInt32": "<u4",
    "UInt64": "<u8",
    "Int64": "<i8",
    "Float64": "<f8",
}
_MOST_COLUMNS: Final = 1_000
_TEXT_BYTES: Final = 17
_ROW_BYTES: Final = 400
"""Memory that reading and judging takes for each entry, generously."""


class Broken(ValueError):
    """Bytes that are no frame."""


class _Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """``nulls``: ``none``, ``all`` (then no values follow), or ``some``: a byte a row follows the values.

    ``texts``: of a String column, whose values are numbers of these.
    """

    name: str
    type: str
    nulls: str = "none"
    texts: tuple[str, ...] = ()


class _Head(msgspec.Struct, frozen=True):
    height: int
    columns: tuple[_Column, ...]


def pieces(frame: pl.DataFrame) -> Iterator[bytes]:
    """The frame's columns are numbers or texts."""
    columns = [_described(series) for series in frame]
    head = _Head(frame.height, tuple(column for column, _ in columns))
    yield msgspec.json.encode(head) + b"\n"
    for column, values in columns:
        if column.nulls != "all":
            yield values.fill_null(0).to_numpy().astype(_kind(column)).tobytes()
        if column.nulls == "some":
            yield values.is_null().to_numpy().astype(np.uint8).tobytes()


def _described(series: pl.Series) -> tuple[_Column, pl.Series]:
    """The column, and its values as numbers."""
    missing = series.null_count()
    nulls = "none" if not missing else "all" if missing == len(series) else "some"
    if series.dtype != pl.String:
        return _Column(series.name, str(series.dtype), nulls), series
    texts = series.drop_nulls().unique(maintain_order=True)
    known = dict(zip(texts, range(len(texts)), strict=True))
    numbers = series.replace_strict(known, default=None, return_dtype=pl.UInt32)
    return _Column(series.name, "String", nulls, tuple(texts)), numbers


def frame(content: bytes, most_bytes: int) -> pl.DataFrame:
    """``most_bytes``: what it may take of memory. Raises Broken, before it would take more."""
    end = content.find(b"\n") + 1 or len(content)
    line, body = content[:end], memoryview(content)[end:]
    try:
        head = msgspec.json.decode(line, type=_Head)
    except msgspec.DecodeError as error:
        raise Broken(f"a frame without its head ({error})") from error
    if not 0 <= head.height <= _most_rows() or len(head.columns) > _MOST_COLUMNS:
        raise Broken(f"a frame of {head.height:,} rows and {len(head.columns):,} columns")
    if head.height * sum(map(_row_bytes, head.columns)) > most_bytes:
        raise Broken(f"a frame of {head.height:,} rows, more than memory allows")
    found, at = [], 0
    for column in head.columns:
        series, at = _read(column, head.height, body, at)
        found.append(series)
    if at != len(body) or len({series.name for series in found}) < len(found):
        raise Broken("a frame whose columns are not what its head says")
    return pl.DataFrame(found)


def _most_rows() -> int:
    """As many as half of this machine's memory holds once they are judged."""
    return max(2 * memory.share() // _ROW_BYTES, 1)


def _row_bytes(column: _Column) -> int:
    """Memory that one value takes."""
    if column.type == "String":
        return _TEXT_BYTES
    if column.type not in _NUMBERS:
        raise Broken(f"a column of a type that no frame has: {column.type[:20]!a}")
    return np.dtype(_NUMBERS[column.type]).itemsize + 1


def _read(column: _Column, height: int, body: memoryview, at: int) -> tuple[pl.Series, int]:
    dtype = getattr(pl, column.type)
    if column.nulls == "all":
        return pl.Series(column.name, [None], dtype=dtype).new_from_index(0, height), at
    kind = np.dtype(_kind(column))
    end = at + height * kind.itemsize
    last = end + (height if column.nulls == "some" else 0)
    if last > len(body):
        raise Broken("a frame that ends too early")
    series = pl.Series(column.name, np.frombuffer(body, kind, height, at))
    if column.type == "String":
        if height and series.max() >= len(column.texts):  # type: ignore[operator]  # numbers
            raise Broken("a text that is not there")
        series = pl.Series(column.name, column.texts, dtype=pl.String).gather(series)
    if column.nulls == "some":
        missing = np.frombuffer(body, np.uint8, height, end) != 0
        series = series.set(pl.Series(missing), None)
    return series, last


def _kind(column: _Column) -> str:
    return "<u4" if column.type == "String" else _NUMBERS[column.type]

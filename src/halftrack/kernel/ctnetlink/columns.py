"""Columns of the flow table under construction, filled message by shape of message.

They grow in pieces of many rows, each column of a piece mapped on its own: memory that nothing
was written to takes no room. So an IPv4 table's upper address halves, which are zero, cost
nothing, and neither do columns that few entries have.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.addresses import V4_MAPPED
from halftrack.evidence.flows import NULLS, SCHEMA, TUPLE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.kernel.ctnetlink.shapes import Field, Shape

Places: TypeAlias = npt.NDArray[np.intp]
Messages: TypeAlias = npt.NDArray[np.uint32]
"""One row per message, one column per 32-bit word."""
Column: TypeAlias = npt.NDArray[np.generic]

_PIECE: Final = 1 << 17
"""Rows of a piece: few enough pieces for whoever computes, small enough to waste little."""

_IDENTITY: Final = frozenset({*TUPLE_COLUMNS, "id"})
_NUMPY: Final = {name: np.dtype(str(dtype).lower()) for name, dtype in SCHEMA.items() if dtype != pl.String}
_ZONE_DIRECTIONS: Final = {
    "zone_orig": uapi.NF_CT_ZONE_DIR_ORIG,
    "zone_reply": uapi.NF_CT_ZONE_DIR_REPL,
    "zone_both": uapi.NF_CT_DEFAULT_ZONE_DIR,
}


class Columns:
    """Rows are reserved block by block and filled shape by shape; what no shape filled is no row.

    ``wanted``: columns that will be looked at, None for all. What tells entries apart is kept anyway.
    """

    def __init__(self, wanted: frozenset[str] | None = None) -> None:
        self._unwanted = frozenset() if wanted is None else SCHEMA.keys() - wanted - _IDENTITY
        self._done: list[pl.DataFrame] = []
        self._piece = _Piece(0)
        self._base = 0

    def reserve(self, rows: int) -> None:
        """Room for this many more; ``put`` counts from the first of them."""
        if self._piece.height + rows > self._piece.capacity:
            self._close()
            self._piece = _Piece(max(rows, _PIECE))
        self._base = self._piece.height
        self._piece.height += rows

    def put(self, shape: Shape, rows: Places, messages: Messages) -> None:
        """Messages of one shape into these reserved rows."""
        fields = [field for field in shape.fields if field.column not in self._unwanted]
        self._piece.put(shape, fields, rows + self._base, messages)

    def frame(self) -> pl.DataFrame:
        """All rows since it was last called, in the columns of the schema, in the order of the dump."""
        self._close()
        self._piece = _Piece(0)
        done, self._done = self._done, []
        if not done:
            return pl.DataFrame(schema=dict(SCHEMA))
        seen = pl.concat(done, how="diagonal", rechunk=False)
        # A column that no entry has stays one null, repeated: it takes no memory.
        return seen.select(name if name in seen.columns else NULLS[name] for name in SCHEMA)

    def _close(self) -> None:
        frame = self._piece.frame()
        if frame.height:
            self._done.append(frame)


@dataclass(slots=True)
class _Piece:
    capacity: int
    height: int = 0
    _values: dict[str, Column] = field(default_factory=dict)
    _known: dict[str, npt.NDArray[np.bool_]] = field(default_factory=dict)
    _texts: dict[str, list[tuple[Places, pl.Series]]] = field(default_factory=dict)

    def put(self, shape: Shape, fields: Iterable[Field], rows: Places, messages: Messages) -> None:
        self._set("family", rows, shape.family)
        self._set("l4proto", rows, shape.l4proto)
        zone: tuple[int, Column | int] = (uapi.NF_CT_DEFAULT_ZONE_DIR, 0)
        for item in fields:
            match item.kind:
                case "ipv4":
                    self._set(f"{item.column}_hi", rows, 0)
                    low = messages[:, item.word].byteswap().astype(np.uint64)
                    self._set(f"{item.column}_lo", rows, low | np.uint64(V4_MAPPED))
                case "ipv6":
                    self._set(f"{item.column}_hi", rows, _be64(messages, item.word))
                    self._set(f"{item.column}_lo", rows, _be64(messages, item.word + 2))
                case "text" | "bits":
                    self._texts.setdefault(item.column, []).append((rows, _text(item, messages)))
                case _ if item.column.startswith("zone_"):
                    zone = (_ZONE_DIRECTIONS[item.column], _number(item, messages))
                case _:
                    self._set(item.column, rows, _number(item, messages))
        self._set("zone_dir", rows, zone[0])
        self._set("zone", rows, zone[1])

    def _set(self, column: str, rows: Places, values: Column | int) -> None:
        if column not in self._values:
            self._values[column] = _untouched(self.capacity, _NUMPY[column])
            self._known[column] = _untouched(self.capacity, np.dtype(np.uint8)).view(np.bool_)
        if not isinstance(values, int) or values:
            self._values[column][rows] = values
        self._known[column][rows] = True

    def frame(self) -> pl.DataFrame:
        """The rows that something was put into."""
        if not self._values:
            return pl.DataFrame()
        frame = pl.DataFrame([self._column(name) for name in (*self._values, *self._texts)])
        filled = self._known["family"][: self.height]
        return frame if filled.all() else frame.filter(pl.Series(filled))

    def _column(self, name: str) -> pl.Series:
        if name in self._texts:
            text = pl.Series(name, [None], dtype=pl.String).new_from_index(0, self.height)
            for rows, values in self._texts[name]:
                text = text.scatter(rows, values)
            return text
        series = pl.Series(name, self._values[name][: self.height])
        known = self._known[name][: self.height]
        return series if known.all() else series.set(pl.Series(~known), None)


def _untouched(count: int, dtype: np.dtype[np.generic]) -> npt.NDArray[np.generic]:
    """Zeros that take memory only where they are written to: numpy's own may come from used memory."""
    memory = mmap.mmap(-1, count * dtype.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(memory, dtype)


def _number(item: Field, messages: npt.NDArray[np.uint32]) -> Column:
    """A number column. Attributes are big-endian; the machine is not."""
    word = messages[:, item.word]
    match item.kind:
        case "u8":
            return (word & 0xFF).astype(np.uint8)
        case "be16":
            return word.astype(np.uint16).byteswap()
        case "be64":
            return _be64(messages, item.word)
        case _:
            return word.byteswap()


def _be64(messages: npt.NDArray[np.uint32], word: int) -> npt.NDArray[np.uint64]:
    high = messages[:, word].byteswap().astype(np.uint64)
    return (high << np.uint64(32)) | messages[:, word + 1].byteswap()


def _text(item: Field, messages: npt.NDArray[np.uint32]) -> pl.Series:
    """A string column; each distinct value is read once, however many entries have it."""
    width = (item.length + 3) // 4
    raw = np.ascontiguousarray(messages[:, item.word : item.word + width]).view(f"V{width * 4}").reshape(-1)
    # Numpy cannot sort raw bytes; as fixed strings it can, and only trailing zeros are lost.
    values, place = np.unique(raw.view(f"S{width * 4}"), return_inverse=True)
    spell = _label_bits if item.kind == "bits" else _printable
    return pl.Series([spell(bytes(value), item.length) for value in values], dtype=pl.String).gather(place)


def _printable(value: bytes, length: int) -> str:
    return value[:length].split(b"\0", 1)[0].decode("utf-8", "backslashreplace")


def _label_bits(value: bytes, length: int) -> str | None:
    """Set bits, lowest first. The kernel stores labels as host-order longs (nf_conntrack_labels.c)."""
    number = int.from_bytes(value[:length], "little")
    bits = [str(bit) for bit in range(number.bit_length()) if number >> bit & 1]
    return ",".join(bits) or None

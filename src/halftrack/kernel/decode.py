"""Datagrams of a ctnetlink dump into columns of the flow table.

Message starts are found by a vector scan for our own random sequence number and verified as a
chain by their lengths; messages of one shape are cut into columns together. A message that makes
no sense is counted and skipped. Little-endian machines only, as everything that runs wheels is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.addresses import V4_MAPPED
from halftrack.evidence.flows import SCHEMA
from halftrack.kernel.netlink import DATAGRAM, NLMSG_DONE, NLMSG_ERROR, NLMSG_HDRLEN
from halftrack.kernel.shapes import Broken, Field, Shape, learn

if TYPE_CHECKING:
    from collections.abc import Sequence

CT_NEW: Final = 1 << 8
"""NFNL_SUBSYS_CTNETLINK and IPCTNL_MSG_CT_NEW: the type of every entry of a dump."""
_SHAPES_PER_LENGTH: Final = 512

Words: TypeAlias = npt.NDArray[np.uint32]
Places: TypeAlias = npt.NDArray[np.intp]
Column: TypeAlias = npt.NDArray[np.generic]

_NUMPY: Final[dict[str, npt.DTypeLike]] = {
    name: str(dtype).lower() for name, dtype in SCHEMA.items() if dtype != pl.String
}


@dataclass(slots=True)
class Decoder:
    """Takes block after block; ``frame`` gives what was read so far.

    ``unreadable`` counts messages that could not be decoded, ``error`` is the errno with which
    the kernel ended the dump (0: none), ``done`` whether the dump's end was seen.
    """

    sequence: int
    unreadable: int = 0
    error: int = 0
    done: bool = False
    _shapes: dict[int, list[Shape]] = field(default_factory=dict)
    _pieces: list[pl.DataFrame] = field(default_factory=list)

    def add(self, memory: bytes | memoryview, lengths: Sequence[int]) -> None:
        """Decode datagrams: number ``i`` lies at ``i * DATAGRAM`` and has ``lengths[i]`` bytes."""
        words = np.frombuffer(memory, dtype="<u4", count=len(memory) // 4)
        starts, sizes = self._starts(words, np.asarray(lengths, dtype=np.intp))
        if len(starts):
            self._pieces.append(self._cut(words, starts, sizes))

    def frame(self) -> pl.DataFrame:
        """All entries read, in the columns of the schema."""
        if not self._pieces:
            return pl.DataFrame(schema=dict(SCHEMA))
        seen = pl.concat(self._pieces, how="diagonal", rechunk=False)
        # A column that no entry has stays one null, repeated: it takes no memory.
        return seen.select(
            name if name in seen.columns else pl.lit(None, dtype).alias(name)
            for name, dtype in SCHEMA.items()
        )

    def _starts(self, words: Words, lengths: Places) -> tuple[Places, Places]:
        """Where messages with an entry start, in words, and their lengths in bytes."""
        marks = np.flatnonzero(words[2:] == np.uint32(self.sequence & 0xFFFFFFFF))
        marks = marks[(words[marks + 1] & 0xFFFF) == CT_NEW]
        per = DATAGRAM // 4
        datagram = marks // per
        inside = datagram < len(lengths)
        marks, datagram = marks[inside], datagram[inside]
        inside = (marks - datagram * per) * 4 + NLMSG_HDRLEN <= lengths[datagram]
        marks, datagram = marks[inside], datagram[inside]
        sizes = words[marks].astype(np.intp)
        # A chain: the first mark opens its datagram, each message ends where the next one begins.
        follow = marks + ((sizes + 3) >> 2)
        ends = np.arange(len(lengths)) * per + (lengths >> 2)
        expected = np.empty_like(follow)
        if len(marks):
            expected[:-1] = np.where(datagram[1:] == datagram[:-1], marks[1:], ends[datagram[:-1]])
            expected[-1] = ends[datagram[-1]]
        first = np.ones(len(marks), dtype=bool)
        first[1:] = datagram[1:] != datagram[:-1]
        wrong = (follow != expected) | (first & (marks != datagram * per))
        odd = np.unique(datagram[wrong])
        odd = np.union1d(odd, np.setdiff1d(np.arange(len(lengths)), datagram))
        odd = np.union1d(odd, np.flatnonzero(lengths & 3))
        if len(odd):
            keep = ~np.isin(datagram, odd)
            walked = [self._walk(words, int(number), int(lengths[number])) for number in odd]
            marks = np.concatenate([marks[keep], *(at for at, _ in walked)])
            sizes = np.concatenate([sizes[keep], *(size for _, size in walked)])
        return marks, sizes

    def _walk(self, words: Words, number: int, length: int) -> tuple[Places, Places]:
        """One datagram, message by message: the first of a dump may be an error, the last says done."""
        at = number * DATAGRAM // 4
        end = at + min(length, DATAGRAM) // 4
        starts: list[int] = []
        sizes: list[int] = []
        while at + NLMSG_HDRLEN // 4 <= end:
            size = int(words[at])
            kind = int(words[at + 1]) & 0xFFFF
            if size < NLMSG_HDRLEN or at + (size + 3) // 4 > end:
                self.unreadable += 1
                break
            if int(words[at + 2]) == self.sequence & 0xFFFFFFFF:
                if kind == CT_NEW:
                    starts.append(at)
                    sizes.append(size)
                elif kind in (NLMSG_ERROR, NLMSG_DONE):
                    self.done = True
                    if size >= NLMSG_HDRLEN + 4:
                        self.error = -int(words[at + 4].astype(np.int32))
            at += (size + 3) // 4
        return np.asarray(starts, dtype=np.intp), np.asarray(sizes, dtype=np.intp)

    def _cut(self, words: Words, starts: Places, sizes: Places) -> pl.DataFrame:
        """Messages into columns, shape by shape, in the order of the dump."""
        table = _Columns(len(starts))
        good = np.zeros(len(starts), dtype=bool)
        for size in np.unique(sizes):
            rows = np.flatnonzero(sizes == size)
            count = int(size) // 4
            # One row per message, one column per word: a view of all positions, gathered once.
            view = np.lib.stride_tricks.as_strided(
                words, (max(len(words) - count + 1, 0), count), (4, 4), writeable=False
            )
            messages = view[starts[rows]]
            known = self._shapes.setdefault(int(size), [])
            for shape in known:
                rows, messages = self._match(shape, rows, messages, table, good)
                if not len(rows):
                    break
            while len(rows):
                try:
                    if len(known) >= _SHAPES_PER_LENGTH:
                        raise Broken  # noqa: TRY301  # a table of ever new shapes is no table
                    shape = learn(messages[0].tobytes())
                except Broken:
                    self.unreadable += 1 if len(known) < _SHAPES_PER_LENGTH else len(rows)
                    skip = 1 if len(known) < _SHAPES_PER_LENGTH else len(rows)
                    rows, messages = rows[skip:], messages[skip:]
                    continue
                known.append(shape)
                rows, messages = self._match(shape, rows, messages, table, good)
        return table.frame(good)

    @staticmethod
    def _match(
        shape: Shape,
        rows: Places,
        messages: npt.NDArray[np.uint32],
        table: _Columns,
        good: npt.NDArray[np.bool_],
    ) -> tuple[Places, npt.NDArray[np.uint32]]:
        """Put the messages of one shape into the table; the others come back."""
        same = ~((messages & shape.mask) != shape.template).any(axis=1)
        if same.all():
            table.put(shape, rows, messages)
            good[rows] = True
            return rows[:0], messages[:0]
        if same.any():
            table.put(shape, rows[same], messages[same])
            good[rows[same]] = True
        return rows[~same], messages[~same]


class _Columns:
    """Columns of one block under construction; rows that no shape filled stay null."""

    def __init__(self, height: int) -> None:
        self._height = height
        self._values: dict[str, Column] = {}
        self._known: dict[str, npt.NDArray[np.bool_]] = {}
        self._texts: dict[str, list[tuple[Places, pl.Series]]] = {}

    def put(self, shape: Shape, rows: Places, messages: npt.NDArray[np.uint32]) -> None:
        self._set("family", rows, shape.family)
        self._set("l4proto", rows, shape.l4proto)
        zone: tuple[int, Column | int] = (uapi.NF_CT_DEFAULT_ZONE_DIR, 0)
        for item in shape.fields:
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
        target = self._values.get(column)
        if target is None:
            target = self._values[column] = np.zeros(self._height, dtype=_NUMPY[column])
            self._known[column] = np.zeros(self._height, dtype=bool)
        target[rows] = values
        self._known[column][rows] = True

    def frame(self, keep: npt.NDArray[np.bool_]) -> pl.DataFrame:
        frame = pl.DataFrame([self._column(name) for name in (*self._values, *self._texts)])
        return frame if keep.all() or not frame.width else frame.filter(pl.Series(keep))

    def _column(self, name: str) -> pl.Series:
        if name in self._texts:
            text = pl.Series(name, [None], dtype=pl.String).new_from_index(0, self._height)
            for rows, values in self._texts[name]:
                text = text.scatter(rows, values)
            return text
        series = pl.Series(name, self._values[name])
        known = self._known[name]
        return series if known.all() else series.set(pl.Series(~known), None)


_ZONE_DIRECTIONS: Final = {
    "zone_orig": uapi.NF_CT_ZONE_DIR_ORIG,
    "zone_reply": uapi.NF_CT_ZONE_DIR_REPL,
    "zone_both": uapi.NF_CT_DEFAULT_ZONE_DIR,
}


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

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

from halftrack.kernel.ctnetlink.columns import Columns, Messages, Places
from halftrack.kernel.ctnetlink.shapes import Broken, Shape, learn
from halftrack.kernel.netlink import DATAGRAM
from halftrack.kernel.netlink_messages import (
    CT_NEW,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_HDRLEN,
    error_code,
    headers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

"""The type of every entry of a dump."""
_SHAPES_PER_LENGTH: Final = 512

Words: TypeAlias = npt.NDArray[np.uint32]


@dataclass(slots=True)
class Decoder:
    """Takes block after block; ``frame`` gives what was read since it was last called.

    ``unreadable`` counts messages that could not be decoded, ``error`` is the errno with which
    the kernel ended it (0: none), ``ended`` how many ends of a dump were seen.
    """

    sequence: int
    columns: Columns = field(default_factory=Columns)
    unreadable: int = 0
    error: int = 0
    ended: int = 0
    _shapes: dict[int, list[Shape]] = field(default_factory=dict)

    def add(self, memory: bytes | memoryview, lengths: Sequence[int]) -> None:
        """Decode datagrams: number ``i`` lies at ``i * DATAGRAM`` and has ``lengths[i]`` bytes."""
        # A small table fills a small part of the room that there is for a large one.
        words = np.frombuffer(memory, dtype="<u4", count=min(len(memory), len(lengths) * DATAGRAM) // 4)
        starts, sizes = self._starts(words, np.asarray(lengths, dtype=np.intp))
        if len(starts):
            self.cut(words, starts, sizes)

    def frame(self) -> pl.DataFrame:
        """Entries in the columns of the schema, each given once."""
        return self.columns.frame()

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
        first = number * DATAGRAM // 4
        raw = words[first : first + min(length, DATAGRAM) // 4].tobytes()
        starts: list[int] = []
        sizes: list[int] = []
        end = 0
        for header in headers(raw):
            end = header.next
            if header.sequence != self.sequence & 0xFFFFFFFF:
                continue
            if header.kind == CT_NEW:
                starts.append(first + header.at // 4)
                sizes.append(header.length)
            elif header.kind in (NLMSG_ERROR, NLMSG_DONE):
                self.ended += 1
                payload = raw[header.at + NLMSG_HDRLEN : header.at + header.length]
                self.error = self.error or error_code(payload)
        if end + NLMSG_HDRLEN <= len(raw):
            self.unreadable += 1
        return np.asarray(starts, dtype=np.intp), np.asarray(sizes, dtype=np.intp)

    def cut(self, words: Words, starts: Places, sizes: Places) -> None:
        """Messages into columns, shape by shape, in the order of the dump.

        ``starts``: where each begins, in words; ``sizes``: in bytes, whole words.
        """
        self.columns.reserve(len(starts))
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
                rows, messages = self._match(shape, rows, messages)
                if not len(rows):
                    break
            while len(rows):
                try:
                    if len(known) >= _SHAPES_PER_LENGTH:
                        raise Broken  # noqa: TRY301  # a table of ever new shapes is no table
                    shape = learn(messages[0].tobytes())
                except Broken:
                    skip = 1 if len(known) < _SHAPES_PER_LENGTH else len(rows)
                    self.unreadable += skip
                    rows, messages = rows[skip:], messages[skip:]
                    continue
                known.append(shape)
                rows, messages = self._match(shape, rows, messages)

    def _match(self, shape: Shape, rows: Places, messages: Messages) -> tuple[Places, Messages]:
        """Put the messages of one shape into the columns; the others come back."""
        same = ~((messages & shape.mask) != shape.template).any(axis=1)
        if same.all():
            self.columns.put(shape, rows, messages)
            return rows[:0], messages[:0]
        if same.any():
            self.columns.put(shape, rows[same], messages[same])
        return rows[~same], messages[~same]

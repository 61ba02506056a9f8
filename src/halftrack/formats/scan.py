"""A block of text as what shapes and columns are made from: numbers, skeletons, captured values.

The bytes are looked at in pieces of whole lines that fit a processor's cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.formats.captures import capture
from halftrack.formats.digits import FRONT, numbers_of, prepare, text_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.formats.digits import Numbers, Places

_NO_TEXTS: Final = pl.Series(dtype=pl.String)
_PIECE: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Scan:
    """A block, line by line.

    ``starts`` and ``ends`` are offsets in the block. Line ``i``'s numbers begin at
    ``values[first[i]]``. ``padded``: lines with zero-padded numbers. A captured value's number is
    the index of an address ``hi``, ``lo`` or, from FIRST_TEXT on, of a text.
    """

    starts: Places
    ends: Places
    first: Places
    values: Numbers
    padded: Places
    skeletons: pl.Series
    hi: Numbers
    lo: Numbers
    texts: pl.Series

    def __len__(self) -> int:
        return len(self.starts)


def scan(block: bytes, *, every_address: bool) -> Scan:
    """Scan whole lines; with ``every_address`` each address is captured, whatever it looks like."""
    offset = lines_before = numbers = addresses = texts = 0
    parts: list[tuple[Places, Places, Places, Numbers, Places, Numbers, Numbers]] = []
    skeletons, captured = [], []
    for piece in _pieces(block):
        raw, lines = prepare(piece)
        captures = capture(raw, lines, every_address=every_address)
        digits = numbers_of(raw, lines)
        captures.number(digits, addresses, texts)
        shift = offset - FRONT
        parts.append(
            (
                lines.starts + shift,
                lines.ends + shift,
                digits.first + numbers,
                digits.values,
                digits.padded + lines_before,
                captures.hi,
                captures.lo,
            )
        )
        skeletons.append(digits.skeletons)
        captured.append(captures.texts)
        offset += len(piece)
        lines_before += len(lines)
        numbers += len(digits.values)
        addresses += len(captures.hi)
        texts += len(captures.texts_at)
    starts, ends, first, values, padded, hi, lo = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Scan(
        starts=starts,
        ends=ends,
        first=first,
        values=values,
        padded=padded,
        skeletons=text_lines(skeletons),
        hi=hi,
        lo=lo,
        texts=text_lines(captured) if texts else _NO_TEXTS,
    )


def _pieces(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        end = block.rfind(b"\n", start, start + _PIECE) + 1
        if not end:
            end = block.index(b"\n", start) + 1
        yield block[start:end]
        start = end

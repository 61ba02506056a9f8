"""Text lines as numbers and skeletons.

The skeleton of a line is the line with each run of digits written as one ``0``. Lines of one
skeleton mean the same thing and differ only in their numbers, so a grammar looks at each
skeleton once and the numbers of all its lines are taken in bulk.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

Bytes: TypeAlias = npt.NDArray[np.uint8]
Flags: TypeAlias = npt.NDArray[np.bool_]
Places: TypeAlias = npt.NDArray[np.intp]
Numbers: TypeAlias = npt.NDArray[np.uint64]

FRONT: Final = 24
"""Newlines before the first line, so that looking back from a digit never leaves the text."""
_TOO_LONG: Final = (1 << 64) - 1
"""Value of a number that has more digits than 64 bits are sure to hold."""
_MOST_DIGITS: Final = 19
_NEWLINE, _TAB, _RETURN, _AT, _DELETE, _ODD = 10, 9, 13, ord("@"), 127, 1


@dataclass(frozen=True, slots=True)
class Lines:
    """Where lines lie in a prepared text: from ``starts`` up to the newline at ``ends``."""

    starts: Places
    ends: Places

    def __len__(self) -> int:
        return len(self.starts)


def prepare(text: bytes) -> tuple[Bytes, Lines]:
    """Whole lines as a writable array behind ``FRONT`` newlines, in ASCII, and where they lie.

    ``@`` is needed as a mark and becomes DEL; control characters and whatever is not ASCII
    become 0x01, which no grammar accepts.
    """
    raw = np.empty(FRONT + len(text), dtype=np.uint8)
    raw[:FRONT] = _NEWLINE
    raw[FRONT:] = np.frombuffer(text, dtype=np.uint8)
    newlines = np.flatnonzero(raw == _NEWLINE)
    control = raw < 32
    if np.count_nonzero(control) != len(newlines) or not text.isascii() or b"\x7f" in text:
        control &= (raw != _NEWLINE) & (raw != _TAB) & (raw != _RETURN)
        raw[control | (raw >= _DELETE)] = _ODD
    if b"@" in text:
        raw[raw == _AT] = _DELETE
    return raw, Lines(newlines[FRONT - 1 : -1] + 1, newlines[FRONT:])


@dataclass(frozen=True, slots=True)
class Digits:
    """Numbers of a prepared text in their order.

    ``ends``: position of each one's last digit. ``first``: per line, the index of its first
    number. ``padded``: lines with a zero that leads a longer number after ``.`` or ``=``.
    ``skeletons``: one a line, each with its newline.
    """

    values: Numbers
    ends: Places
    first: Places
    padded: Places
    skeletons: bytes


def numbers_of(raw: Bytes, lines: Lines) -> Digits:
    """All numbers and skeletons of a prepared text."""
    digit = raw - np.uint8(48)
    is_digit = digit < 10
    ends = np.flatnonzero(is_digit[:-1] > is_digit[1:])
    digit *= is_digit
    # later: this digit and the one before it belong to one number.
    later = np.zeros_like(is_digit)
    np.logical_and(is_digit[1:], is_digit[:-1], out=later[1:])
    tens = np.zeros_like(digit)
    np.multiply(digit[:-1], np.uint8(10), out=tens[1:])
    pairs = digit + tens
    pairs *= is_digit
    zeros = np.flatnonzero((raw[1:-1] == ord("0")) & (later[2:] > is_digit[:-2])) + 1
    zeros = zeros[(raw[zeros - 1] == ord(".")) | (raw[zeros - 1] == ord("="))]
    np.subtract(raw, digit, out=digit)
    return Digits(
        values=_values(ends, later, pairs),
        ends=ends,
        first=np.searchsorted(ends, lines.starts),
        padded=np.unique(np.searchsorted(lines.ends, zeros)),
        # Polars takes bytes out three times as fast as numpy does.
        skeletons=pl.Series(digit).filter(pl.Series(~later)).to_numpy()[FRONT:].tobytes(),
    )


def _values(ends: Places, later: Flags, pairs: Bytes) -> Numbers:
    """Values by their ends, four digits at a time."""
    hundreds = np.zeros_like(pairs)
    np.multiply(pairs[:-2], later[2:], out=hundreds[2:])
    values = np.multiply(hundreds[ends], np.uint64(100), dtype=np.uint64)
    values += pairs[ends]
    # beyond: there are four more digits before this one, so a number goes on beyond its last four.
    beyond = later.copy()
    beyond[2:] &= later[:-2]
    beyond[3:] &= later[:-3]
    long = np.flatnonzero(beyond[ends])
    width = 4
    while len(long):
        at = ends[long] - width
        quads = np.multiply(hundreds[at], np.uint64(100), dtype=np.uint64) + pairs[at]
        values[long] += quads * np.uint64(10**width)
        if width == _MOST_DIGITS - 3:
            values[long[later[at] & later[at - 2]]] = _TOO_LONG
            break
        long = long[beyond[at]]
        width += 4
    return values


def text_lines(parts: list[bytes]) -> pl.Series:
    """Lines of ASCII, each with its newline, as a String series; an empty line is an empty string."""
    # Polars would unpack what begins like a packed file, so the first line is ours.
    frame = pl.read_csv(
        io.BytesIO(b"".join([b"0\n", *parts])),
        has_header=False,
        separator="\x03",
        quote_char=None,
        schema={"line": pl.String},
    )
    return frame.to_series().fill_null("").slice(1)


def spread(starts: Places, lengths: Places) -> Places:
    """All positions of the ranges, one range after the other."""
    filled = lengths > 0
    starts, lengths = starts[filled], lengths[filled]
    steps = np.ones(int(lengths.sum()), dtype=np.intp)
    if len(starts):
        steps[0] = starts[0]
        steps[np.cumsum(lengths[:-1])] = starts[1:] - (starts[:-1] + lengths[:-1] - 1)
    return np.cumsum(steps)

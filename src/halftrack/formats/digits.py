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
TOO_LONG: Final = (1 << 64) - 1
"""Value of a number that has more digits than 64 bits are sure to hold."""
_MOST_DIGITS: Final = 19
_NEWLINE, _TAB, _RETURN, _AT, _DELETE, _ODD = 10, 9, 13, ord("@"), 127, 1


def prepare(text: bytes) -> Bytes:
    """The text as a writable array behind ``FRONT`` newlines, in ASCII.

    ``@`` is needed as a mark and becomes DEL; control characters and whatever is not ASCII
    become 0x01, which no grammar accepts.
    """
    raw = np.empty(FRONT + len(text), dtype=np.uint8)
    raw[:FRONT] = _NEWLINE
    raw[FRONT:] = np.frombuffer(text, dtype=np.uint8)
    control = raw < 32
    if not text.isascii() or np.count_nonzero(control) != FRONT + text.count(b"\n") or b"\x7f" in text:
        control &= (raw != _NEWLINE) & (raw != _TAB) & (raw != _RETURN)
        raw[control | (raw >= _DELETE)] = _ODD
    if b"@" in text:
        raw[raw == _AT] = _DELETE
    return raw


@dataclass(frozen=True, slots=True)
class Lines:
    """Where lines lie in a prepared text: from ``starts`` up to the newline at ``ends``."""

    starts: Places
    ends: Places

    def __len__(self) -> int:
        return len(self.starts)


def lines_of(raw: Bytes) -> Lines:
    newlines = np.flatnonzero(raw == _NEWLINE)
    return Lines(newlines[FRONT - 1 : -1] + 1, newlines[FRONT:])


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
    pairs = digit.copy()
    pairs[1:] += digit[:-1] * np.uint8(10)
    pairs *= is_digit
    np.subtract(raw, digit, out=digit)
    return Digits(
        values=_values(ends, is_digit, later, pairs),
        ends=ends,
        first=np.searchsorted(ends, lines.starts),
        padded=_padded(raw, lines, is_digit, later),
        skeletons=digit[~later][FRONT:].tobytes(),
    )


def _padded(raw: Bytes, lines: Lines, is_digit: Flags, later: Flags) -> Places:
    zeros = np.flatnonzero((raw[1:-1] == ord("0")) & (later[2:] > is_digit[:-2])) + 1
    if not len(zeros):
        return zeros
    zeros = zeros[(raw[zeros - 1] == ord(".")) | (raw[zeros - 1] == ord("="))]
    return np.unique(np.searchsorted(lines.ends, zeros))


def _values(ends: Places, is_digit: Flags, later: Flags, pairs: Bytes) -> Numbers:
    """Values by their ends, four digits at a time."""
    quad = pairs.astype(np.uint16)
    quad[2:] += np.multiply(pairs[:-2] * later[2:], np.uint16(100), dtype=np.uint16)
    values = quad[ends].astype(np.uint64)
    fives = later.copy()
    fives[2:] &= later[:-2]
    fives[4:] &= is_digit[:-4]
    long = np.flatnonzero(fives[ends])
    width = 4
    while len(long):
        at = ends[long] - width
        values[long] += quad[at] * np.uint64(10**width)
        if width == _MOST_DIGITS - 3:
            values[long[later[at] & later[at - 2]]] = TOO_LONG
            break
        long = long[fives[at]]
        width += 4
    return values


def text_lines(text: bytes) -> pl.Series:
    """Lines of printable ASCII as a String series; an empty line is an empty string."""
    if not text:
        return pl.Series(dtype=pl.String)
    frame = pl.read_csv(
        io.BytesIO(text), has_header=False, separator="\x03", quote_char=None, schema={"line": pl.String}
    )
    return frame.to_series().fill_null("")


def spread(starts: Places, lengths: Places) -> Places:
    """All positions of the ranges, one range after the other."""
    filled = lengths > 0
    starts, lengths = starts[filled], lengths[filled]
    steps = np.ones(int(lengths.sum()), dtype=np.intp)
    if len(starts):
        steps[0] = starts[0]
        steps[np.cumsum(lengths[:-1])] = starts[1:] - (starts[:-1] + lengths[:-1] - 1)
    return np.cumsum(steps)

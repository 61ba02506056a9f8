"""Values that are not plain numbers: IPv6 and masked addresses, names, hexadecimal numbers.

Each such ``key=value`` is taken out of the text before its skeletons are made and leaves
``key@111``: one number, whose value becomes the index of what was taken.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence.addresses import OPAQUE_HI
from halftrack.formats.digits import spread

if TYPE_CHECKING:
    from halftrack.formats.digits import Bytes, Digits, Flags, Lines, Numbers, Places

FIRST_TEXT: Final = 1 << 32
"""Indices from here on are texts, those below are addresses."""
_FILL: Final = ord("1")
"""Makes the number of a mark; zeros would look like a padded number."""
_FULL: Final = 39
"""Length of an IPv6 address as the kernel prints it: eight groups of four digits."""


@dataclass(slots=True)
class Captures:
    """What was taken out of one text: addresses ``hi``, ``lo``, and texts, one a line each.

    ``addresses_at`` and ``texts_at`` are the positions of the last digits of their marks.
    """

    hi: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    lo: Numbers = field(default_factory=lambda: np.empty(0, dtype=np.uint64))
    texts: bytes = b""
    addresses_at: Places = field(default_factory=lambda: np.empty(0, dtype=np.intp))
    texts_at: Places = field(default_factory=lambda: np.empty(0, dtype=np.intp))

    def number(self, digits: Digits, addresses: int, texts: int) -> None:
        """Put the indices where the marks' numbers are, counting on from those of earlier texts."""
        for places, base in ((self.addresses_at, addresses), (self.texts_at, FIRST_TEXT + texts)):
            if len(places):
                numbers = np.arange(base, base + len(places), dtype=np.uint64)
                digits.values[np.searchsorted(digits.ends, places)] = numbers


def capture(raw: Bytes, lines: Lines, *, every_address: bool) -> Captures:
    """Take all odd values out of a prepared text; with ``every_address`` all ``src=`` and ``dst=`` too."""
    found = Captures()
    if every_address:
        _capture_texts(raw, lines, found, addresses=True)
        return found
    _capture_full_ipv6(raw, found)
    odd = _odd_lines(raw, lines)
    if len(odd):
        _capture_texts(raw, type(lines)(lines.starts[odd], lines.ends[odd]), found, addresses=False)
    return found


def _capture_full_ipv6(raw: Bytes, found: Captures) -> None:
    # The fifth character is a colon and the one before the first an equals sign.
    at = np.flatnonzero((raw[:-5] == ord("=")) & (raw[5:] == ord(":")))
    at = at[at < len(raw) - _FULL - 1]
    at = at[(raw[at + _FULL + 1] <= 32) & _names_address(raw, at)]
    if not len(at):
        return
    windows = np.lib.stride_tricks.sliding_window_view(raw, _FULL + 1, writeable=True)
    text = windows[at + 1]
    letter = (text | np.uint8(0x20)) - np.uint8(ord("a"))
    good = ((text - np.uint8(ord("0"))) < 10) | (letter < 6)
    good[:, 4:-1:5] = text[:, 4:-1:5] == ord(":")
    good[:, -1] = True
    # In ASCII a digit's low half is its value, a letter's is its place in the alphabet.
    nibbles = ((text & 0x0F) + (text >> 6) * np.uint8(9)).reshape(len(at), 8, 5)
    octets = np.empty((len(at), 8, 2), dtype=np.uint8)
    octets[:, :, 0] = nibbles[:, :, 0] << 4 | nibbles[:, :, 1]
    octets[:, :, 1] = nibbles[:, :, 2] << 4 | nibbles[:, :, 3]
    words = octets.reshape(len(at), 16).view(">u8").astype(np.uint64)
    taken = good.all(axis=1) & (words[:, 0] != np.uint64(OPAQUE_HI))
    at, words = at[taken], words[taken]
    raw[at] = ord("@")
    windows[:, :_FULL][at + 1] = _FILL
    found.hi, found.lo = words[:, 0], words[:, 1]
    found.addresses_at = at + _FULL


def _names_address(raw: Bytes, at: Places) -> Flags:
    """Whether the ``=`` at each position follows ``src`` or ``dst``."""
    is_src = (raw[at - 1] == ord("c")) & (raw[at - 2] == ord("r")) & (raw[at - 3] == ord("s"))
    is_dst = (raw[at - 1] == ord("t")) & (raw[at - 2] == ord("s")) & (raw[at - 3] == ord("d"))
    either: Flags = is_src | is_dst
    return either


def _odd_lines(raw: Bytes, lines: Lines) -> Places:
    """Lines where something odd comes right after a number or ``=``, and so may belong to a value."""
    number = (raw - np.uint8(ord("."))) < 12
    odd = (raw > 32) > number
    number |= raw == ord("=")
    place = np.flatnonzero(odd[1:] & number[:-1])
    return np.unique(np.searchsorted(lines.ends, place + 1)) if len(place) else place


def _is_odd(raw: Bytes) -> Flags:
    """Characters that a number, a dotted address or the space between values never has."""
    odd = (raw > 32) > ((raw - np.uint8(ord("."))) < 12)
    for sign in b"=],":
        odd &= raw != sign
    return odd


def _capture_texts(raw: Bytes, lines: Lines, found: Captures, *, addresses: bool) -> None:
    where = spread(lines.starts, lines.ends - lines.starts + 1)
    text = raw[where]
    signs = np.flatnonzero((text == ord("=")) | (text <= 32))
    starts, ends = signs[:-1], signs[1:]
    value = (text[starts] == ord("=")) & (text[ends] <= 32) & (ends > starts + 1)
    starts, ends = starts[value], ends[value]
    count = np.concatenate([[0], np.cumsum(_is_odd(text))])
    wanted = count[ends] > count[starts + 1]
    if addresses:
        wanted |= _names_address(raw, where[starts])
    starts, ends = starts[wanted], ends[wanted]
    first, length = starts + 1, ends - starts - 1
    values = text[spread(first, length + 1)]
    values[np.cumsum(length + 1) - 1] = ord("\n")
    values[values == 127] = ord("@")
    found.texts = values.tobytes()
    raw[where[starts]] = ord("@")
    raw[where[spread(first, length)]] = _FILL
    found.texts_at = where[ends - 1]

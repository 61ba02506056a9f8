"""Values that are not plain numbers: IPv6 and masked addresses, names, hexadecimal numbers.

Each such ``key=value`` is taken out of the text before its skeletons are made and leaves
``key@000``: one number, whose value becomes the index of what was taken.
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
_FULL: Final = 39
"""Length of an IPv6 address as the kernel prints it: eight groups of four digits."""
_NO_NIBBLE: Final = 16
_HEX: Final = np.full(256, _NO_NIBBLE, dtype=np.uint8)
_HEX[np.frombuffer(b"0123456789abcdef", np.uint8)] = np.arange(16)
_HEX[np.frombuffer(b"ABCDEF", np.uint8)] = np.arange(10, 16)


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
    groups = windows[at + 1].reshape(len(at), 8, 5)
    nibbles = _HEX[groups[:, :, :4]]
    good = (groups[:, :7, 4] == ord(":")).all(axis=1) & (nibbles < _NO_NIBBLE).reshape(len(at), 32).all(
        axis=1
    )
    # Two nibbles an octet; two words of eight octets each, as in the packet.
    octets = nibbles[:, :, 0::2] << 4 | nibbles[:, :, 1::2]
    words = octets.reshape(len(at), 16).view(">u8").astype(np.uint64)
    good &= words[:, 0] != OPAQUE_HI
    at, words = at[good], words[good]
    raw[at] = ord("@")
    windows[:, :_FULL][at + 1] = ord("0")
    found.hi, found.lo = words[:, 0], words[:, 1]
    found.addresses_at = at + _FULL


def _names_address(raw: Bytes, at: Places) -> Flags:
    """Whether the ``=`` at each position follows ``src`` or ``dst``."""
    is_src = (raw[at - 1] == ord("c")) & (raw[at - 2] == ord("r")) & (raw[at - 3] == ord("s"))
    is_dst = (raw[at - 1] == ord("t")) & (raw[at - 2] == ord("s")) & (raw[at - 3] == ord("d"))
    either: Flags = is_src | is_dst
    return either


def _is_odd(raw: Bytes) -> Flags:
    """Characters that a number, a dotted address or the space between values never has."""
    odd = raw > ord("9")
    odd &= raw != ord("=")
    odd &= raw != ord("]")
    odd &= raw != ord("@")
    between = (raw - np.uint8(33)) < 15
    between &= raw != ord(",")
    between &= raw != ord(".")
    odd |= between
    return odd


def _odd_lines(raw: Bytes, lines: Lines) -> Places:
    """Lines in which an odd character follows a number or ``=``, and so may belong to a value."""
    odd = _is_odd(raw)
    value = (raw - np.uint8(48)) < 10
    for sign in b"=.,]":
        value |= raw == sign
    place = np.flatnonzero(odd[1:] & value[:-1])
    return np.unique(np.searchsorted(lines.ends, place + 1)) if len(place) else place


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
    raw[where[spread(first, length)]] = ord("0")
    found.texts_at = where[ends - 1]

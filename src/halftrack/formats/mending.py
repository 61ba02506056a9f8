"""The line that conntrack(8) writes to standard error, out of the middle of an entry.

Where both go into one pipe (``2>&1``, sos), what standard output still held back comes after it, mostly
from the middle of a line on.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_SHOWN: Final = re.compile(
    rb"(?<=[^\n])conntrack v[\w.]{1,20} \(conntrack-tools\): \d{1,12} flow entries have been shown\.\n"
)
_BEGIN: Final = b"conntrack v"
_LONGEST: Final = 128
_MOST: Final = 100


def mended(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same text with such lines at its end; of a text that ends in the middle of a line, without.

    Each leaves an empty line next to the entry that it tore, so that lines behind it keep their numbers.
    """
    shown: list[bytes] = []
    rest = b""
    owed = 0
    for piece in pieces:
        text = rest + piece
        if owed or _BEGIN in text:
            shown += _SHOWN.findall(text)[: _MOST - len(shown)]
            text, owed = _without(text, owed)
        whole = max(len(text) - _LONGEST, 0)
        rest = text[whole:]
        if whole:
            yield text[:whole]
    if rest:
        yield rest
    if rest.endswith(b"\n"):
        yield from shown


def _without(text: bytes, owed: int) -> tuple[bytes, int]:
    """The text without such lines, and how many empty ones are still owed for them, ``owed`` of before."""
    mended = []
    for number, part in enumerate(_SHOWN.split(text)):
        owed += number > 0
        line, feed, others = part.partition(b"\n")
        mended += [line, feed, b"\n" * owed if feed else b"", others]
        owed = 0 if feed else owed
    return b"".join(mended), owed

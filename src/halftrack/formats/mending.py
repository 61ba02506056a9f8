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
    """The same text with such lines at its end; of a text that ends in the middle of a line, without."""
    shown: list[bytes] = []
    rest = b""
    for piece in pieces:
        text = rest + piece
        if _BEGIN in text:
            shown += _SHOWN.findall(text)[: _MOST - len(shown)]
            text = _SHOWN.sub(b"", text)
        whole = max(len(text) - _LONGEST, 0)
        rest = text[whole:]
        if whole:
            yield text[:whole]
    if rest:
        yield rest
    if rest.endswith(b"\n"):
        yield from shown

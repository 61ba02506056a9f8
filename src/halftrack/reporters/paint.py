"""Colour, where a terminal is known to show it: severity words and the labels of blocks."""

from __future__ import annotations

import re
from typing import Final

_RESET: Final = "\x1b[0m"
_BOLD: Final = "\x1b[1m"
_FIRST_WORDS: Final = {
    "CRITICAL": "\x1b[1;31m",
    "WARNING": "\x1b[1;33m",
    "PARTIAL": "\x1b[1;33m",
    "OK": "\x1b[1;32m",
}
_LABELS: Final = re.compile(
    r"(RELIEF|CURE|CLEAR|ASSUMED|MASKS|NOTE|ASK FOR|NOT SEEN|UNREADABLE|SETTLES|FULL|CUTS|KNEE|GROWTH"
    r"|Table|Read:)(?=[ ,:])"
)


def painted(lines: list[str]) -> list[str]:
    """The same lines with escape sequences; the first one is the verdict."""
    severity = lines[0].partition(" ")[0]
    colour = _FIRST_WORDS.get(severity, _BOLD)
    return [
        f"{colour}{severity}{_RESET}{lines[0][len(severity) :]}",
        *(
            _LABELS.sub(rf"{_BOLD}\1{_RESET}", line, count=1) if _LABELS.match(line) else line
            for line in lines[1:]
        ),
    ]

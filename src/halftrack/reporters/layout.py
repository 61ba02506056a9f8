"""Lines of a fixed width: wrapping, bars, and text made safe to show.

Nothing that came from outside (a container's name, a line of a dump) reaches a terminal as it
is: control characters, invisible ones and, on a page of ASCII, all that is not ASCII are spelled
out as escapes.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final

from halftrack.evidence.printable import escaped

WIDEST: Final = 80
_NARROWEST: Final = 40


def cells(text: str) -> int:
    """Columns that printable text takes on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_cells_of(character) for character in text)


def _cells_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


@dataclass(frozen=True, slots=True)
class Page:
    """What is written on: columns, alphabet, and whether everything is wanted.

    ``width`` is brought into 40..80. ``again`` is the command that was given, as it can be typed
    once more; None where that cannot be, for what was read from standard input. ``program`` is how
    this program was started; ``planned`` the command that makes a plan of the same, ``fixed`` the one
    that, with a number of this screen behind it, does what helps: each None where it cannot be typed.
    ``sources``: show where each number was read.
    """

    width: int = WIDEST
    ascii: bool = True
    verbose: bool = False
    again: str | None = "halftrack doctor"
    program: str = "halftrack"
    planned: str | None = None
    fixed: str | None = None
    sources: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "width", min(max(self.width, _NARROWEST), WIDEST))

    @property
    def verbosely(self) -> str:
        """The same command with everything shown."""
        return f"{self.again} -v"

    def clean(self, text: str) -> str:
        return escaped(text, ascii_only=self.ascii)

    def wrap(self, text: str, first: str = "", rest: str | None = None) -> list[str]:
        """Text as lines, the first one after ``first``, the others after ``rest`` (default: blanks)."""
        indent = " " * len(first) if rest is None else rest
        lines: list[str] = []
        line, used = first, cells(first)
        empty = True
        for word in self.clean(" ".join(text.split())).split(" "):
            size = cells(word)
            if not empty and used + 1 + size > self.width:
                lines.append(line)
                line, used, empty = indent, len(indent), True
            while used + (not empty) + size > self.width:
                cut = self._fitting(word, self.width - used)
                lines.append(line + word[:cut])
                word = word[cut:]  # noqa: PLW2901  # what is left of a word wider than a line
                size = cells(word)
                line, used, empty = indent, len(indent), True
            line += word if empty else f" {word}"
            used += size + (not empty)
            empty = False
        return [*lines, line]

    def bar(self, share: float, length: int) -> str:
        """``share`` 0..1 of ``length`` cells; what is neither nothing nor all never looks so."""
        filled = round(min(max(share, 0.0), 1.0) * length)
        if 0 < share < 1:
            filled = min(max(filled, 1), length - 1)
        full, free = ("#", ".") if self.ascii else ("\u2588", "\u2591")
        return full * filled + free * (length - filled)

    @staticmethod
    def _fitting(word: str, room: int) -> int:
        used = 0
        for place, character in enumerate(word):
            used += _cells_of(character)
            if used > room:
                return max(place, 1)
        return len(word)

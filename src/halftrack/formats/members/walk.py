"""Bounds of one walk through an archive or a directory, and what was left out because of them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.formats.cut import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_MEMBERS: Final = 300_000
MOST_BYTES: Final = 8 << 30
"""Of all members together, those of archives in archives counted again."""
_LONGEST_PATH: Final = 1_024
_MOST_NOTES: Final = 10


@dataclass(frozen=True, slots=True)
class Member:
    """``path``: as it is written there, printable, ``/`` between its parts; ``pieces`` can be read once."""

    path: str
    pieces: Iterator[bytes]


@dataclass(slots=True)
class Walk:
    """``deadline``: a ``time.monotonic`` moment after which no more is read.

    ``truncated``: something that might have told more was not read; ``notes`` say what.
    """

    deadline: float | None = None
    members_left: int = _MOST_MEMBERS
    bytes_left: int = MOST_BYTES
    truncated: bool = False
    notes: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    """Paths of members whose end is missing."""

    def another(self) -> bool:
        """Whether one more member may be looked at."""
        if self.members_left <= 0:
            self.leave_out(f"It holds more than {_MOST_MEMBERS:,} files: the rest was not read.")
            return False
        if self.deadline is not None and time.monotonic() > self.deadline:
            self.leave_out("The time was up before all of it was read.")
            return False
        self.members_left -= 1
        return True

    def counted(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """The same pieces, as far as the bytes allow."""
        for piece in pieces:
            if len(piece) > self.bytes_left:
                self.bytes_left = 0
                self.leave_out(f"It holds more than {MOST_BYTES:,} bytes: the rest was not read.")
                return
            self.bytes_left -= len(piece)
            yield piece

    def cut(self, path: str, how: str) -> None:
        self.damaged.add(path)
        self.leave_out(f"{path} {how}.")

    def leave_out(self, note: str) -> None:
        self.truncated = True
        if len(self.notes) < _MOST_NOTES and note not in self.notes:
            self.notes.append(note)


def shown(path: bytes) -> str | None:
    """A path as text without empty parts; None where it is longer than any of use."""
    if len(path) > _LONGEST_PATH:
        return None
    return "/".join(part for part in printable(path).split("/") if part not in {"", "."})


def joined(directory: str, path: str) -> str:
    return f"{directory}/{path}" if directory else path

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
_NOT_READ: Final = "was not read to its end"


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
    late: bool = False
    """The time was up before all of it was read."""
    notes: list[str] = field(default_factory=list)
    damaged: set[str] = field(default_factory=set)
    """Paths of members whose end is missing."""

    def another(self) -> bool:
        """Whether one more member may be looked at."""
        if self.members_left <= 0:
            self.leave_out(f"It holds more than {_MOST_MEMBERS:,} files: the rest was not read.")
            return False
        if self._time_is_up():
            return False
        self.members_left -= 1
        return True

    def counted(self, pieces: Iterator[bytes], path: str | None = None) -> Iterator[bytes]:
        """The same pieces, as far as time and bytes allow. ``path``: of the file that they are all of."""
        for piece in pieces:
            if self._time_is_up() or not self._room_for(len(piece)):
                if path is not None:
                    self.cut(path)
                return
            self.bytes_left -= len(piece)
            yield piece

    def ended(self) -> bool:
        """Whether nothing more is read, however much there is."""
        return self.bytes_left == 0 or self._time_is_up()

    def cut(self, path: str, how: str = _NOT_READ) -> None:
        """``how``: why a file ends too early, unless it is that the walk ended there."""
        self.damaged.add(path)
        self.leave_out(f"{path} {_NOT_READ if self.ended() else how}.")

    def leave_out(self, note: str) -> None:
        self.truncated = True
        if len(self.notes) < _MOST_NOTES and note not in self.notes:
            self.notes.append(note)

    def _time_is_up(self) -> bool:
        if self.deadline is None or time.monotonic() <= self.deadline:
            return False
        self.late = True
        self.leave_out("The time was up before all of it was read.")
        return True

    def _room_for(self, size: int) -> bool:
        if size <= self.bytes_left:
            return True
        self.bytes_left = 0
        self.leave_out(f"It holds more than {MOST_BYTES:,} bytes: the rest was not read.")
        return False


def shown(path: bytes) -> str | None:
    """A path as text without empty parts; None where it is longer than any of use."""
    if len(path) > _LONGEST_PATH:
        return None
    return "/".join(part for part in printable(path).split("/") if part not in {"", "."})


def joined(directory: str, path: str) -> str:
    return f"{directory}/{path}" if directory else path

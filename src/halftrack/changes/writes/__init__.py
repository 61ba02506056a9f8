"""Single writes: each one step that the system takes at once or not at all, and its way back.

A write is a value that goes into the journal as JSON before it is done. It holds all that is
needed to tell whether it was done, and to undo it, after a crash and in another process. The
kinds that there are stand in ``kinds``.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import msgspec


class Seen(Enum):
    """What a look at the system says of a write."""

    BEFORE = "before"
    """What was there before it is there."""
    AFTER = "after"
    """It holds."""
    OTHER = "other"
    """Somebody else has changed it since."""
    GONE = "gone"
    """There is no such place any more (namespace or module went away): nothing to undo."""


class Look(msgspec.Struct, frozen=True):
    """``text``: what is there now, for people; None where nothing is."""

    seen: Seen
    text: str | None = None


class Write(Protocol):
    """What each kind of write provides. All three raise OSError or HalftrackError, never leave half."""

    @property
    def title(self) -> str:
        """What it does, in a few words: ``net.netfilter.nf_conntrack_tcp_loose 1 -> 0``."""
        ...

    @property
    def key(self) -> str:
        """What it touches: equal for writes that replace each other's work, different for all others."""
        ...

    def look(self) -> Look:
        """What the system shows now."""
        ...

    def do(self) -> None:
        """Make it so. Doing it twice is doing it once."""
        ...

    def undo(self) -> None:
        """Put back what was there. Undoing what was not done changes nothing, but what it left is cleared."""
        ...

"""What was read, from where, what of it not, and what to ask for."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

SCRIPT_FILE: Final = "collect.sh"
"""What ``collect --script`` is written to."""


class ReadAt(msgspec.Struct, frozen=True, kw_only=True):
    """Where something was read. ``file``: as the source calls it: a path, a member of an archive, a section
    of a collection; of a live node a file of /proc or /sys, a netlink request, a tool.

    ``first_line`` and ``last_line``, from 1; None: all of it, or it has no lines.
    """

    file: str
    first_line: int | None = None
    last_line: int | None = None


class Sourced(msgspec.Struct, frozen=True, kw_only=True):
    """A value that the diagnosis goes by, and where it was read. ``what``: a setting's full name, or words.

    ``at``: more than one place where it was read twice, or out of several files.
    """

    what: str
    value: str | int | float | None
    netns: str | None = None
    at: tuple[ReadAt, ...]


class Input(msgspec.Struct, frozen=True, kw_only=True):
    files: tuple[str, ...] = ()
    lines: int = 0
    unreadable: int = 0
    first_unreadable: tuple[str, ...] = ()
    truncated: bool = False
    visible: float = 1.0
    masked: Literal["none", "visible", "substituted"] = "none"
    formats: tuple[str, ...] = ()
    assumed: dict[str, str] = {}
    notes: tuple[str, ...] = ()


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    what: str
    why: str
    needs: tuple[str, ...] = ()
    would_tell: tuple[str, ...] = ()
    netns: str | None = None


class Ask(msgspec.Struct, frozen=True, kw_only=True):
    """The one thing to ask for next of whoever can type on the node: it would change most of this.

    ``command``: to be pasted there as it stands; ``why``: what is not known without it; ``settles``: what is
    known with it, in words or as slugs of causes and symptoms.
    """

    command: str
    why: str
    settles: tuple[str, ...] = ()

    @property
    def by_script(self) -> bool:
        """Whether it takes ``SCRIPT_FILE``, which whoever asks has to send along."""
        return SCRIPT_FILE in self.command

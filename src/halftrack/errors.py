"""Errors that a user can do something about, and the exit codes they end in.

Only the command line's entry point turns them into exit codes; each message is one line that
says what is wrong and what to do. What a class's docstring says stands beside its code in
docs/reference/commands.md.
"""

from __future__ import annotations

from typing import ClassVar, Final

INTERRUPTED: Final = 130
"""Exit code where somebody ended it, which is no error."""


class HalftrackError(Exception):
    """A bug of ours; never raised itself."""

    exit_code: ClassVar[int] = 70


class UsageError(HalftrackError):
    """The words do not fit together."""

    exit_code = 64


class UnreadableInput(HalftrackError):
    """A file or stream holds nothing that can be read."""

    exit_code = 65


class ReadAlone(UnreadableInput):
    """A source that is the whole of a moment was named beside others."""


class FeatureMissing(HalftrackError):
    """The kernel lacks what was asked for."""

    exit_code = 69


class OutputFailed(HalftrackError):
    """The answer, or what has to be kept, could not be written."""

    exit_code = 74


class Busy(HalftrackError):
    """The machine is short of memory or threads, or another change is at work: try again."""

    exit_code = 75


class Incomplete(HalftrackError):
    """Done in part, or not at all because something does not hold: the message says which."""

    exit_code = 76


class PermissionMissing(HalftrackError):
    """Not permitted; the message names what would be needed."""

    exit_code = 77

"""Errors that a user can do something about, and the exit codes they end in.

    HalftrackError            70  (never raised itself)
    ├── UsageError            64  the words do not fit together
    ├── UnreadableInput       65  a file or stream that holds nothing we can read
    ├── FeatureMissing        69  the kernel lacks what was asked for
    ├── OutputFailed          74  the answer could not be written
    ├── Busy                  75  the machine lacks what it takes just now; try again
    ├── Incomplete            76  done in part, or it did not hold
    └── PermissionMissing     77  names the capability that would open it

Only the command line's entry point turns them into exit codes; each message is one line that
says what is wrong and what to do.
"""

from __future__ import annotations

from typing import ClassVar


class HalftrackError(Exception):
    exit_code: ClassVar[int] = 70


class UsageError(HalftrackError):
    exit_code = 64


class UnreadableInput(HalftrackError):
    exit_code = 65


class FeatureMissing(HalftrackError):
    exit_code = 69


class OutputFailed(HalftrackError):
    exit_code = 74


class Busy(HalftrackError):
    exit_code = 75


class Incomplete(HalftrackError):
    exit_code = 76


class PermissionMissing(HalftrackError):
    exit_code = 77

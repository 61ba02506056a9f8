"""A document written to a file that somebody named: whole or not at all, mostly for its owner's eyes only."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from pathlib import Path
from typing import Final

from halftrack.commands import output
from halftrack.errors import OutputFailed, UsageError

_PRIVATE: Final = 0o600
_LEFT_S: Final = 600
"""After which nobody writes on into what is to take a file's place: whoever began was killed."""


def save(data: bytes, path: Path, mode: int = _PRIVATE) -> None:
    """Write ``data`` to ``path``, which is replaced at once; ``mode``: its permissions, whatever the umask.

    Raises UsageError where something else than a plain file stands there, OutputFailed where it
    cannot be written.
    """
    try:
        kind = path.lstat().st_mode
    except FileNotFoundError:
        pass
    except OSError as error:
        raise OutputFailed(f"{str(path)!a} could not be written: {error.strerror}") from error
    else:
        if not stat.S_ISREG(kind):
            raise UsageError(f"{str(path)!a} is no plain file: name another one")
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    try:
        _write(data, beside, mode)
        beside.replace(path)
        _settle(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise OutputFailed(f"{str(path)!a} could not be written: {error.strerror}") from error


def put(data: bytes, target: str | Path | None) -> None:
    """Into the file that somebody named; to standard output for ``-``, and where nobody did."""
    if target is None or target == "-":
        output.write(data)
    else:
        save(data, Path(target))


def tidy(path: Path) -> None:
    """Remove what killed processes have left beside a file that is replaced again and again.

    To be called before the next ``save``, which may be in want of the room, or be killed as those were.
    """
    left = re.compile(rf"\.{re.escape(path.name)}\.[0-9a-f]{{8}}")
    with contextlib.suppress(OSError), os.scandir(path.parent) as found:
        for entry in found:
            if not left.fullmatch(entry.name):
                continue
            about = entry.stat(follow_symlinks=False)
            ours = stat.S_ISREG(about.st_mode) and about.st_uid == os.geteuid()
            if ours and about.st_mtime < time.time() - _LEFT_S:
                os.unlink(entry.path)  # noqa: PTH108  # the path is text


def _write(data: bytes, path: Path, mode: int) -> None:
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE)
    with open(number, "wb") as file:  # noqa: PTH123  # a descriptor, not a path
        os.fchmod(number, mode)
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _settle(folder: Path) -> None:
    """Have the new name survive a power cut, where the file system can promise that."""
    with contextlib.suppress(OSError):
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(number)
        finally:
            os.close(number)

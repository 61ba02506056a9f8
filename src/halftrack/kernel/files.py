"""Reading a small file, whatever stands at its path: bounded, and never waiting for a writer."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES: Final = 1 << 20
_CHUNK: Final = 1 << 16
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


def read(path: str | Path, most: int = MOST_BYTES) -> bytes:
    """The first ``most`` bytes of a regular file, which those of /proc and /sys are too.

    Raises OSError: also where something else stands there (EINVAL), and where the process that a
    file of /proc tells of ended meanwhile.
    """
    fd = open_regular(path)
    try:
        content = bytearray()
        while len(content) < most and (chunk := os.read(fd, min(_CHUNK, most - len(content)))):
            content += chunk
    finally:
        os.close(fd)
    return bytes(content)


def open_regular(path: str | Path) -> int:
    """A descriptor of a regular file; raises OSError as ``read`` does."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), os.fspath(path))
    return fd


def exists(path: str | Path) -> bool:
    """Whether anything can be seen there; pathlib raises where a directory on the way is closed."""
    return os.path.exists(path)  # noqa: PTH110  # likewise


def is_directory(path: str | Path) -> bool:
    """Likewise."""
    return os.path.isdir(path)  # noqa: PTH112  # likewise


def text(path: str | Path, most: int = MOST_BYTES) -> str | None:
    """The same as text; None where there is no regular file that may be read."""
    with contextlib.suppress(OSError):
        return read(path, most).decode(errors="replace")
    return None


def number(path: str | Path) -> int | None:
    """The whole number that is all there is in a file; None where there is none."""
    found = _NUMBER.fullmatch((text(path, 64) or "").strip())
    return int(found[0]) if found else None

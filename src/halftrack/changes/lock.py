"""One change at a time: a lock that ends with the process that holds it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING, Final

from halftrack.changes import places
from halftrack.errors import Busy, OutputFailed, PermissionMissing

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILE: Final = "changes.lock"
_LOOK_S: Final = 0.1


@contextlib.contextmanager
def held(wait_s: float = 0.0) -> Iterator[None]:
    """Raises Busy where another change is at work for longer than that, PermissionMissing, OutputFailed."""
    fd = _open()
    try:
        _take(fd, wait_s)
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(fd)


def holder() -> int | None:
    """The process that took the lock last, where it can be read."""
    with contextlib.suppress(OSError, ValueError):
        return int((places.run() / _FILE).read_text(encoding="ascii"))
    return None


def _open() -> int:
    path = places.run() / _FILE
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except PermissionError as error:
        raise PermissionMissing(
            f"{path} is not for us: it takes root (HALFTRACK_RUN_DIR names another)"
        ) from error
    except OSError as error:
        raise OutputFailed(f"{path}: {error.strerror}") from error


def _take(fd: int, wait_s: float) -> None:
    until = time.monotonic() + wait_s
    while True:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise Busy(
                    f"another change is at work (process {holder()}): try again when it is done"
                ) from error
            time.sleep(_LOOK_S)
        else:
            return

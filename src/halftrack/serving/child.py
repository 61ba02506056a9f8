"""A piece of work in a process of its own, forked from one that has a single thread."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable

_TEXT: Final = b"+"
_WHY: Final = b"-"
_PR_SET_PDEATHSIG: Final = 1
"""include/uapi/linux/prctl.h"""
_FIRST_FD: Final = 3

_libc = ctypes.CDLL(None, use_errno=True)


class Child:
    """``pipe``: what it says, to be read without waiting; ``said`` understands it.

    Raises OSError where no process can be made.
    """

    def __init__(self, work: Callable[[], bytes], why: Callable[[BaseException], str]) -> None:
        self.pipe, write = os.pipe2(os.O_CLOEXEC)
        parent = os.getpid()
        try:
            self._pid = os.fork()
        except OSError:
            os.close(self.pipe)
            os.close(write)
            raise
        if self._pid == 0:
            _run(work, why, write, parent)
        os.close(write)
        os.set_blocking(self.pipe, False)
        self.code: int | None = None
        """The exit code, once ``over`` has seen the end."""

    def over(self) -> bool:
        """Whether it has ended."""
        if self.code is None:
            found, status = os.waitpid(self._pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if found else None
        return self.code is not None

    def kill(self) -> None:
        """End it, if it has not ended, and leave nothing of it."""
        os.close(self.pipe)
        if not self.over():
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)


def said(told: bytes) -> tuple[bytes | None, str]:
    """What the work gave, or None and why not, out of all that came through the pipe."""
    if told.startswith(_TEXT):
        return told[len(_TEXT) :], ""
    if told.startswith(_WHY):
        return None, told[len(_WHY) :].decode("utf-8", "replace")
    return None, "scan crashed"


def _run(work: Callable[[], bytes], why: Callable[[BaseException], str], write: int, parent: int) -> NoReturn:
    """In the new process: nothing of the server's is kept, and it ends when the server does."""
    try:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.dup2(write, _FIRST_FD, inheritable=False)
        _close_above(_FIRST_FD)
        told = _TEXT
        try:
            told += work()
        except BaseException as error:  # noqa: BLE001  # whatever it is, the server goes on and says so
            told = _WHY + why(error).encode()
        while told:
            told = told[os.write(_FIRST_FD, told) :]
    finally:
        with contextlib.suppress(BaseException):
            os._exit(0)
        os._exit(1)


def _close_above(last: int) -> None:
    """Those that are open: there may be a billion that could be, and kernels before 5.9 close one by one."""
    for path in list(Path("/proc/self/fd").iterdir()):
        if int(path.name) > last:
            with contextlib.suppress(OSError):  # that of the listing itself
                os.close(int(path.name))

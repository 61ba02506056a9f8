"""Doing something inside another network namespace."""

from __future__ import annotations

import ctypes
import os
import threading
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

CLONE_NEWNET: Final = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_T = TypeVar("_T")


def enter(path: str) -> None:
    """Move the calling thread into the network namespace behind ``path``. Raises OSError.

    There is no way back that always works: only for threads that end afterwards.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(fd, CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), path)
    finally:
        os.close(fd)


def call_in(path: str | None, work: Callable[[], _T]) -> _T:
    """What ``work`` returns or raises when it runs inside the namespace behind ``path``.

    It runs in a thread of its own that ends with it, so no other code ever changes namespace.
    ``None`` is the namespace of this process. Raises OSError where the namespace cannot be entered.
    """
    if path is None:
        return work()

    def inside() -> _T:
        enter(path)
        return work()

    return in_thread(inside, f"in {path}")


def call_in_new(work: Callable[[], _T]) -> _T:
    """What ``work`` returns or raises in a network namespace made for it; that ends with it.

    Needs CAP_SYS_ADMIN. Raises OSError where no namespace can be made.
    """

    def inside() -> _T:
        if _libc.unshare(CLONE_NEWNET):
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), "a scratch network namespace")
        return work()

    return in_thread(inside, "in a scratch namespace")


def in_thread(work: Callable[[], _T], name: str) -> _T:
    """What ``work`` returns or raises in a thread of its own, which ends with it and with all it moved to."""
    results: list[_T] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as error:  # noqa: BLE001  # handed to the caller below
            errors.append(error)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    thread.join()
    if errors:
        raise errors[0]
    return results[0]

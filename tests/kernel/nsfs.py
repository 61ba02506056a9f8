"""Whether a network namespace still exists, although nothing leads to it: by file handles of nsfs.

Linux 6.18 and later; elsewhere ``handle`` raises OSError.
"""

from __future__ import annotations

import ctypes
import os
from typing import Final

_AT_FDCWD: Final = -100
_AT_SYMLINK_FOLLOW: Final = 0x400
_libc = ctypes.CDLL(None, use_errno=True)


class Handle(ctypes.Structure):
    """``struct file_handle``; it holds nothing alive."""

    _fields_ = (("size", ctypes.c_uint), ("kind", ctypes.c_int), ("data", ctypes.c_char * 128))


def handle(path: str) -> Handle:
    """Of the namespace behind a path. Raises OSError."""
    found, mount = Handle(128, 0), ctypes.c_int()
    _checked(
        _libc.name_to_handle_at(
            _AT_FDCWD, os.fsencode(path), ctypes.byref(found), ctypes.byref(mount), _AT_SYMLINK_FOLLOW
        )
    )
    return found


def exists(one: Handle) -> bool:
    """Whether that namespace is still there."""
    near = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fd = _libc.open_by_handle_at(near, ctypes.byref(one), os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(near)
    if fd >= 0:
        os.close(fd)
    return bool(fd >= 0)


def _checked(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))

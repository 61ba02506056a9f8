"""The kernel's log as its ring holds it, record by record."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_MOST: Final = 1 << 18
"""Reads; records are 48 bytes or more, and rings hold a few megabytes."""
_RECORD: Final = 8_192
"""CONSOLE_EXT_LOG_MAX, kernel/printk/printk.c: a shorter buffer gets EINVAL."""
KMSG: Final = Path("/dev/kmsg")


def read(path: Path = KMSG) -> bytes:
    """All that is there, a line each: level, number, microseconds since boot, flags; message.

    Never waits for more, and takes nothing away from other readers. Raises OSError; PermissionError
    without CAP_SYSLOG where ``kernel.dmesg_restrict`` is 1.
    """
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    found = bytearray()
    try:
        for _ in range(_MOST):
            try:
                record = os.read(fd, _RECORD)
            except BlockingIOError:
                break
            except BrokenPipeError:  # it was overwritten meanwhile; the next read begins at the oldest
                continue
            if not record:
                break
            found += record
    finally:
        os.close(fd)
    return bytes(found)

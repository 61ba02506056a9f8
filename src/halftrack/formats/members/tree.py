"""Files of a directory and all below it; links, devices and other file systems are passed over."""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from typing import TYPE_CHECKING, Final

from halftrack.errors import UnreadableInput
from halftrack.formats.blocks import BLOCK
from halftrack.formats.members.walk import Member, Walk, joined, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_DEEPEST: Final = 40
_FIRST: Final = 64 << 10
"""Of most files no more is looked at."""


def members(path: str, walk: Walk) -> Iterator[Member]:
    """By name, what is nearest first; each can be read until the next one is asked for.

    Raises UnreadableInput for the root of a running system: a report has copies of /proc, and walking
    through all that a system holds would tell no more.
    """
    with contextlib.suppress(ValueError):  # a name that is no path
        if os.path.ismount(os.path.join(path, "proc")):  # noqa: PTH118  # a name that is no path, as below
            raise UnreadableInput("this is a running system: leave the name away, or give it as --root")
    try:
        device = os.stat(path).st_dev  # noqa: PTH116  # a name that is no path raises ValueError, as below
    except (OSError, ValueError):
        return
    waiting = [(path, "", 0)]
    while waiting:
        directory, called, depth = waiting.pop()
        deeper: list[tuple[str, str, int]] = []
        for entry in _entries(directory, called, walk):
            name = shown(os.fsencode(entry.name))
            with contextlib.suppress(OSError):
                found = entry.stat(follow_symlinks=False)
                if found.st_dev != device or not name or "/" in name:
                    continue
                if stat.S_ISDIR(found.st_mode) and depth < _DEEPEST:
                    deeper.append((entry.path, joined(called, name), depth + 1))
                elif stat.S_ISREG(found.st_mode) and found.st_size:
                    if not walk.another():
                        return
                    path = joined(called, name)
                    yield Member(path, walk.counted(_pieces(entry.path, walk), path))
        waiting += reversed(deeper)


def _entries(directory: str, called: str, walk: Walk) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as found:
            return sorted(itertools.islice(found, walk.members_left + 1), key=lambda entry: entry.name)
    except OSError as error:
        walk.leave_out(f"{called or 'The directory'} cannot be read: {error.strerror}.")
        return []


def _pieces(path: str, walk: Walk) -> Iterator[bytes]:
    """What is a link or a pipe by now is not opened, or not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  # a descriptor
            size = _FIRST
            while piece := file.read(size):
                yield piece
                size = BLOCK
    except OSError as error:
        walk.leave_out(f"{shown(os.fsencode(path))} cannot be read: {error.strerror}.")

"""Configuration in drop-in directories: which files count, and in what order.

The same rules hold for sysctl.d, modules-load.d and modprobe.d (sysctl.d(5)): files of all
directories in the order of their names; of two with one name the directory that stands first
wins; a link to ``/dev/null`` or an empty file only masks.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from halftrack.kernel.files import text

_PARENTS: Final = ("/etc", "/run", "/usr/local/lib", "/usr/lib", "/lib")
_MOST_LINKS: Final = 8


@dataclass(frozen=True, slots=True)
class File:
    """A file's path on the node, links followed, and its text."""

    path: str
    text: str


def files(root: Path, directory: str) -> list[File]:
    """The files of ``/etc/<directory>`` and its like that count, in the order in which they are read."""
    by_name: dict[str, str] = {}
    for parent in _PARENTS:
        path = f"{parent}/{directory}"
        for name in _names(root, path):
            by_name.setdefault(name, f"{path}/{name}")
    found = (read(root, by_name[name]) for name in sorted(by_name))
    return [file for file in found if file is not None]


def read(root: Path, path: str) -> File | None:
    """One file below ``root``, its first MiB; None where there is no such regular file to be read."""
    real = follow(root, path)
    found = text(_below(root, real))
    return None if found is None else File(real, found)


def follow(root: Path, path: str) -> str:
    """Where a path leads in the end, its links understood as the node would: below ``root``."""
    for _ in range(_MOST_LINKS):
        try:
            target = _below(root, path).readlink()
        except OSError:
            break
        path = os.path.normpath(PurePosixPath(path).parent / target)
    return path


def _names(root: Path, directory: str) -> list[str]:
    with contextlib.suppress(OSError):
        return [name for name in os.listdir(_below(root, directory)) if name.endswith(".conf")]  # noqa: PTH208  # names
    return []


def _below(root: Path, path: str) -> Path:
    return root / path.lstrip("/")

"""Files as somebody named them, by themselves or by their directory, opened; and what each is called."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from halftrack.errors import UsageError
from halftrack.formats.cut import printable
from halftrack.formats.sources import source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from halftrack.formats.sources import Source

_MOST_FILES: Final = 200


@dataclass(frozen=True, slots=True)
class Named:
    """``path`` as it was given, ``name`` as it is shown. ``found``: in a directory that was named."""

    path: str
    name: str
    source: Source
    found: bool


def opened(names: Sequence[str], stdin: BinaryIO | None, deadline: float | None) -> list[Named]:
    """What was named, and the files of directories that were."""
    paths: dict[str, bool] = {}
    for name in names:
        inside = [] if name == "-" else _inside(name)
        paths |= dict.fromkeys(inside or [name], bool(inside))
    return [
        Named(path, shown, source(path, stdin, deadline=deadline), found)
        for (path, found), shown in zip(paths.items(), shown_names(list(paths)), strict=True)
    ]


def _inside(name: str) -> list[str]:
    """The files of a directory, not of those in it; empty for anything else."""
    try:
        found = sorted(entry.path for entry in os.scandir(name) if entry.is_file())
    except (OSError, ValueError):
        return []
    if len(found) > _MOST_FILES:
        raise UsageError(f"{name} holds {len(found):,} files: name those that hold tables")
    return found


def shown_names(paths: Sequence[str]) -> list[str]:
    """Base names; whole paths where two files have the same one."""
    names = ["stdin" if path == "-" else PurePath(path).name or path for path in paths]
    return [
        printable((path if names.count(name) > 1 else name).encode("utf-8", "surrogateescape"))
        for path, name in zip(paths, names, strict=True)
    ]

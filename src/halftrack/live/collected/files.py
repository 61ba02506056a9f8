"""Files of the node below a private directory, for readers that want a tree."""

from __future__ import annotations

import contextlib
import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_FILES: Final = 20_000
MOST_BYTES: Final = 1 << 20
"""Of one file: no reader looks further."""
_TOPS: Final = ("etc", "run", "usr", "lib", "proc", "sys", "sbin", "var", ".dockerenv")
_OF_PROCESS: Final = re.compile(r"proc/(self|1)/ns:$")
_LINK: Final = re.compile(r" ([a-z_]{1,20}) -> ([a-z_]{1,20}):\[([0-9]{1,10})\]$")
_RUNNING: Final = 10_000
"""First number of the processes that only their names are known of."""


class Files:
    """``root``: an empty directory that nobody else may enter."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._left = _MOST_FILES

    def take(self, path: str, content: bytes) -> None:
        """One file as it was; a path that leads elsewhere is none."""
        self._put(path, content[:MOST_BYTES])

    def take_lines(self, text: str) -> None:
        """Files of which lines were sent, as grep names them: ``PATH:LINE``."""
        lines: dict[str, list[str]] = defaultdict(list)
        for line in text.splitlines():
            path, colon, rest = line.partition(":")
            if colon and path.startswith("/"):
                lines[path].append(rest)
        for path, some in lines.items():
            self.take(path, ("\n".join(some) + "\n").encode())

    def lives(self, pid: int, inode: int) -> None:
        """The network namespace that a process of the node lives in."""
        self._put(f"/proc/{pid}/ns/net", f"net:[{inode}]")

    def mounted(self, path: str, inode: int) -> None:
        """Where a network namespace is mounted."""
        self._put(path, f"net:[{inode}]")

    def touch(self, paths: Iterable[str]) -> None:
        """Paths of which only it is known that they are there."""
        for path in paths:
            self._put(path, None)

    def run(self, names: Iterable[str]) -> None:
        """Processes of the node's own namespace, by name."""
        for number, name in enumerate(names, _RUNNING):
            if name:
                self._put(f"/proc/{number}/comm", name.encode())

    def number(self, listing: Iterable[str]) -> None:
        """Namespaces of processes, as ``ls -l`` shows them: as links that lead nowhere."""
        process = ""
        for line in listing:
            process = (_OF_PROCESS.search(line) or {1: process})[1]
            link = _LINK.search(line)
            if link is not None and process:
                self._put(f"/proc/{process}/ns/{link[1]}", f"{link[2]}:[{link[3]}]")

    def _put(self, path: str, content: bytes | str | None) -> None:
        """``content`` None: a directory, for who looks whether it is there; a text: where a link leads."""
        parts = PurePosixPath(path).parts
        if self._left <= 0 or len(parts) < 2 or parts[0] != "/" or parts[1] not in _TOPS or ".." in parts:
            return
        self._left -= 1
        target = self._root.joinpath(*parts[1:])
        # A path that is too long, or through what was a file before, is none.
        with contextlib.suppress(OSError, ValueError):
            if content is None:
                target.mkdir(parents=True, exist_ok=True)
            elif isinstance(content, str):
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(content)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content)

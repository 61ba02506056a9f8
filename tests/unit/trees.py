"""A node's files in a directory of the test's own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from halftrack.owners.node import Node

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from halftrack.evidence.values import Namespace

HOST_INODE = 4026531840
CONTAINER_ID = "6bbbe030314d" + "0123456789abcdef" * 3 + "0123"


def plant(root: Path, files: Mapping[str, str]) -> Path:
    """Write files below ``root``; a text ``-> TARGET`` makes a link."""
    for path, text in files.items():
        place = root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if text.startswith("-> "):
            place.symlink_to(text[3:])
        else:
            place.write_text(text, encoding="utf-8")
    return root


def process(root: Path, pid: int, inode: int = HOST_INODE, **files: str) -> Path:
    """A process in a network namespace; ``files`` of its directory: ``cgroup=…``, ``cmdline=…``."""
    parent = files.pop("parent", "1")
    plant(root, {f"proc/{pid}/ns/net": f"-> net:[{inode}]", f"proc/{pid}/stat": f"{pid} (a) b) S {parent} 0"})
    return plant(root, {f"proc/{pid}/{name}": text for name, text in files.items()})


def node(root: Path, *namespaces: Namespace, commands: bool = False, seconds: float = 5.0) -> Node:
    return Node(root, time.monotonic() + seconds, namespaces, HOST_INODE, commands)


def command(directory: Path, name: str, script: str) -> None:
    """A command for PATH."""
    directory.mkdir(parents=True, exist_ok=True)
    place = directory / name
    place.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    place.chmod(0o755)


def prints(directory: Path, name: str, told: str) -> None:
    """A command that prints a text."""
    plant(directory, {f"{name}.txt": told})
    command(directory, name, f"exec /bin/cat {directory}/{name}.txt")

"""The bundle of an OCI container: its ``config.json`` and the number of its first process.

What a runtime is told to run stands in that file (OCI runtime specification, config.md): what the
makers of pods know of a container is among its ``annotations``, the network namespace that it
joins among ``linux.namespaces``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from halftrack.owners.untrusted import items, mapping, number, parsed

if TYPE_CHECKING:
    from halftrack.owners.node import Node

MOST_BYTES: Final = 4 << 20
"""A bundle with hundreds of mounts has some 100 KiB."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """``annotations``: as they stand there, of any shape. ``pid``, ``netns_inode``: None where not known."""

    annotations: dict[str, Any]
    pid: int | None
    netns_inode: int | None


def read(node: Node, directory: str, pid_file: str) -> Bundle | None:
    """The bundle in a directory of the node; None where there is none that makes sense.

    The process has to be alive: what the file names may have died with the node. A pod without a
    process of its own is found by the mount of its namespace. Raises PermissionError.
    """
    said = mapping(parsed(node.read(f"{directory}/config.json", MOST_BYTES)))
    if not said:
        return None
    pid = number(node.read(f"{directory}/{pid_file}", 32).strip())
    if not node.is_alive(pid):
        pid = None
    inode = node.netns(pid)
    return Bundle(mapping(said.get("annotations")), pid, inode or _joined(node, said))


def _joined(node: Node, said: dict[str, Any]) -> int | None:
    for one in items(mapping(said.get("linux")).get("namespaces")):
        space = mapping(one)
        path = space.get("path")
        # A path below /proc belongs to a process whose number may be another's by now.
        if (
            space.get("type") == "network"
            and isinstance(path, str)
            and path.startswith(("/run/", "/var/run/"))
        ):
            return node.inode(path)
    return None

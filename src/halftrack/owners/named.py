"""Namespaces that somebody gave a name: ``ip netns``, and Docker's own that hold no container."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container
from halftrack.owners.untrusted import printable

if TYPE_CHECKING:
    from halftrack.owners.node import Node

_DIRECTORIES: Final = (("run/netns", "netns"), ("run/docker/netns", "docker"))


class Named:
    """Weaker than any runtime: a container's namespace often has a mount too, with a made-up name."""

    name = "netns"

    def is_present(self, node: Node) -> bool:
        return any(node.has(directory) for directory, _ in _DIRECTORIES)

    def ask(self, node: Node) -> Answer:
        known = {space.inode for space in node.namespaces if space.inode is not None}
        found: list[Container] = []
        for directory, runtime in _DIRECTORIES:
            try:
                files = node.names(directory)
            except PermissionError as error:
                why = "the names of namespaces may not be read"
                raise NoAnswer(why, ("CAP_DAC_READ_SEARCH",)) from error
            for file in files[:MOST_CONTAINERS]:
                inode = node.inode(f"{directory}/{file}")
                if inode in known:
                    name = printable(file)
                    found.append(Container(name, name, runtime, netns_inode=inode))
        return Answer(tuple(found))

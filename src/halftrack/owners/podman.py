"""Podman: what ``podman ps`` says.

Only where it was used since boot: the command makes its directories where there are none, and an
examination leaves nothing behind. Root sees root's containers, a user their own; those of others
are still told by their cgroup and their monitor.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from halftrack.owners import ports
from halftrack.owners.node import Node, parse_json
from halftrack.owners.runtime import Answer, Container, Pod
from halftrack.owners.untrusted import items, mapping, number, short_id, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterator


class Podman:
    name = "podman"

    def is_present(self, node: Node) -> bool:
        return _others_use(node) or (_used(node) and node.tool(self.name) is not None)

    def ask(self, node: Node) -> Answer:
        found: tuple[Container, ...] = ()
        tool = node.tool(self.name) if _used(node) else None
        if tool is not None:
            listed = parse_json(node.ask(tool, "ps", "--no-trunc", "--format", "json"), "podman ps")
            found = tuple(_containers(node, listed))
        if _others_use(node):
            return Answer(found, "root's containers are listed for root alone", ("root",))
        return Answer(found)


def _used(node: Node) -> bool:
    if os.geteuid() == 0:
        return node.has("run/libpod/alive") or node.has("run/containers/storage")
    runtime = os.environ.get("XDG_RUNTIME_DIR", f"/run/user/{os.geteuid()}")
    return node.has(f"{runtime}/libpod")


def _others_use(node: Node) -> bool:
    """Whether root used Podman since boot and somebody else is asking."""
    return node.runs_commands and os.geteuid() != 0 and node.has("run/libpod")


def _containers(node: Node, listed: Any) -> Iterator[Container]:
    for item in items(listed):
        # Podman 1 wrote its keys in lower case, and one name as a string.
        said = {key.lower(): value for key, value in mapping(item).items()}
        identifier = text(said.get("id"))
        pid = number(said.get("pid"))
        if not identifier or pid is None:
            continue
        pod = text(said.get("pod"))
        names = [text(name) for name in strings(said.get("names"))]
        yield Container(
            name=next(filter(None, names), short_id(identifier)),
            id=identifier,
            runtime=Podman.name,
            pid=pid,
            netns_inode=node.netns(pid),
            ports=ports.of_podman(said.get("ports")),
            pod=Pod(text(said.get("podname")) or short_id(pod), pod) if pod else None,
            infra=said.get("isinfra") is True,
        )

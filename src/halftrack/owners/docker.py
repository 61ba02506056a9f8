"""Docker: the state files of its daemon, and the command where they may not be read.

The files need no daemon that answers: one that hangs is often why somebody looks.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any, Final

from halftrack.owners import kubernetes, ports
from halftrack.owners.node import Node, parse_json
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container
from halftrack.owners.untrusted import addresses, items, mapping, number, short_id, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATA_ROOTS: Final = ("/var/lib/docker", "/var/snap/docker/common/var-lib-docker")
_SOCKET: Final = "run/docker.sock"
_ADDRESS_KEYS: Final = ("IPAddress", "GlobalIPv6Address")


class Docker:
    name = "docker"

    def is_present(self, node: Node) -> bool:
        return any(node.has(path) for path in (*_DATA_ROOTS, "etc/docker/daemon.json", _SOCKET))

    def ask(self, node: Node) -> Answer:
        try:
            return _from_files(node)
        except PermissionError as error:
            tool = node.tool("docker")
            if tool is None or not os.access(node.at(_SOCKET), os.W_OK):
                needs = ("CAP_DAC_READ_SEARCH",)
                raise NoAnswer("Docker's state may not be read", needs) from error
            return _from_command(node, tool)


def _from_files(node: Node) -> Answer:
    """Raises PermissionError."""
    found: list[Container] = []
    unreadable = 0
    for directory in _directories(node):
        identifiers = node.names(directory)[:MOST_CONTAINERS]
        for identifier in identifiers:
            state = node.read(f"{directory}/{identifier}/config.v2.json")
            try:
                said = mapping(json.loads(state)) if state else {}
            except (ValueError, RecursionError):
                unreadable += 1
                continue
            # What the file calls running may have died with the node.
            if node.is_alive(number(mapping(said.get("State")).get("Pid"))):
                found.extend(containers(node, [said]))
    lacks = f"{unreadable} of Docker's state files cannot be read" if unreadable else None
    return Answer(tuple(found), lacks)


def _directories(node: Node) -> Iterator[str]:
    configured = ""
    try:
        configured = mapping(json.loads(node.peek("etc/docker/daemon.json") or "{}")).get("data-root", "")
    except (ValueError, RecursionError):
        configured = ""
    roots = [configured] if isinstance(configured, str) and configured.startswith("/") else []
    for path in dict.fromkeys([*roots, *_DATA_ROOTS]):
        yield f"{path}/containers"


def _from_command(node: Node, tool: str) -> Answer:
    identifiers = [word for word in node.ask(tool, "ps", "--quiet", "--no-trunc").split() if word.isalnum()]
    if not identifiers:
        return Answer()
    told = node.ask(tool, "inspect", "--type", "container", *identifiers[:MOST_CONTAINERS])
    return Answer(tuple(containers(node, parse_json(told, "docker inspect"))))


def containers(node: Node, listed: Any) -> Iterator[Container]:
    """From ``docker inspect``, whose shape the state files share apart from the id's key."""
    for item in items(listed):
        said = mapping(item)
        state, network = mapping(said.get("State")), mapping(said.get("NetworkSettings"))
        identifier = text(said.get("ID") or said.get("Id"))
        pid = number(state.get("Pid"))
        if not identifier or pid is None or state.get("Running") is not True:
            continue
        labels = mapping(mapping(said.get("Config")).get("Labels"))
        sandbox = text(network.get("SandboxKey"))
        yield Container(
            name=text(said.get("Name")).lstrip("/") or short_id(identifier),
            id=identifier,
            runtime=Docker.name,
            pid=pid,
            netns_inode=node.netns(pid) or (node.inode(sandbox) if sandbox.startswith("/") else None),
            addresses=tuple(dict.fromkeys(addresses(_attached(network)))),
            ports=ports.of_docker(network.get("Ports")),
            pod=kubernetes.pod(labels),
            infra=text(labels.get("io.kubernetes.docker.type")) == "podsandbox",
        )


def _attached(network: dict[str, Any]) -> Iterator[str]:
    for endpoint in (network, *mapping(network.get("Networks")).values()):
        for key in _ADDRESS_KEYS:
            yield text(mapping(endpoint).get(key))

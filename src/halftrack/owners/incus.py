"""Incus and LXD: their daemon over its socket, else the leases of their bridges.

``GET /1.0/instances?recursion=2`` (doc/rest-api.yaml of both; ``/1.0/containers`` in old LXD) says
of each container and virtual machine its process, its addresses and the ports that proxy devices
lead to it. A clustered daemon would ask the other nodes, so that one is not asked: its containers are
known by what LXC leaves of them, what its proxies publish is not. Bridges
leave ``networks/BRIDGE/dnsmasq.hosts/PROJECT_NAME.DEVICE`` with the hardware address of each
instance and ``dnsmasq.leases`` with what that was given, for virtual machines too.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from halftrack.evidence.values import PublishedPort
from halftrack.owners import lxc, unix_socket
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container
from halftrack.owners.untrusted import addresses, items, mapping, number, printable, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.owners.node import Node

_DEFAULT_PROJECT: Final = "default"
_MAC: Final = re.compile(r"(?:[0-9a-f]{2}:){5}[0-9a-f]{2}")
_PROXY_END: Final = re.compile(r"(tcp|udp):(.+):([0-9]{1,5})")
_MOST_BYTES: Final = 1 << 20
_STATIC_FILE: Final = re.compile(r"((?:[^_]+_)?[A-Za-z0-9-]+)\..+")
"""``dnsmasq.StaticAllocationFileName``: neither a project has an underscore nor an instance a dot. Older
ones leave the device out."""


@dataclass(frozen=True, slots=True)
class Incus:
    """Incus, or LXD before and beside it: ``daemon`` is what its process is called."""

    name: str
    daemon: str
    directories: tuple[str, ...]

    def is_present(self, node: Node) -> bool:
        return any(node.has(directory) for directory in self.directories)

    def ask(self, node: Node) -> Answer:
        lacks: str | None = None
        needs: tuple[str, ...] = ()
        found: list[Container] = []
        try:
            found = list(self._asked(node))
        except NoAnswer as error:
            lacks, needs = str(error), error.needs
        known = {one.id for one in found}
        try:
            leased = [one for one in self._leased(node) if one.id not in known]
        except PermissionError as error:
            raise NoAnswer(lacks or f"{self.name}'s state may not be read", needs or ("root",)) from error
        return Answer((*found, *leased), lacks, needs)

    def _asked(self, node: Node) -> Iterator[Container]:
        """A daemon that does not run is not asked: systemd would start it."""
        place = next((d for d in self.directories if node.has(f"{d}/unix.socket")), None)
        if place is None or not node.runs_commands or not self._runs(node):
            return
        socket = f"{place}/unix.socket"
        server = mapping(_metadata(unix_socket.get(node, socket, "/1.0", self.name)))
        if mapping(server.get("environment")).get("server_clustered") is True:
            return
        told = None
        for target in ("/1.0/instances?recursion=2&all-projects=true", "/1.0/containers?recursion=2"):
            told = told or _metadata(unix_socket.get(node, socket, target, self.name))
        for item in items(told)[:MOST_CONTAINERS]:
            one = self._instance(mapping(item), node)
            if one is not None:
                yield one

    def _runs(self, node: Node) -> bool:
        return any(
            node.peek(f"proc/{process}/comm", 64).strip() == self.daemon
            for process in node.names("proc")
            if process.isdecimal()
        )

    def _instance(self, said: dict[str, Any], node: Node) -> Container | None:
        name, project = text(said.get("name")), text(said.get("project")) or _DEFAULT_PROJECT
        if not name:
            return None
        identifier = name if project == _DEFAULT_PROJECT else f"{project}_{name}"
        state = mapping(said.get("state"))
        # A virtual machine lives in the node's namespace, its addresses elsewhere.
        is_container = text(said.get("type")) != "virtual-machine"
        pid = number(state.get("pid")) if is_container else None
        devices = mapping(said.get("expanded_devices")).values()
        return Container(
            name=lxc.full_name(identifier),
            id=identifier,
            runtime=self.name,
            pid=pid,
            netns_inode=node.netns(pid),
            addresses=tuple(dict.fromkeys(addresses(_addresses(mapping(state.get("network")))))),
            ports=tuple(port for one in devices if (port := _proxied(mapping(one))) is not None),
        )

    def _leased(self, node: Node) -> Iterator[Container]:
        """Raises PermissionError."""
        for directory in self.directories:
            for bridge in node.names(f"{directory}/networks")[:MOST_CONTAINERS]:
                network = f"{directory}/networks/{bridge}"
                lines = node.read(f"{network}/dnsmasq.leases", _MOST_BYTES).splitlines()
                leases: dict[str, list[str]] = {}
                for fields in (line.split(" ") for line in lines):
                    if len(fields) >= 4:
                        leases.setdefault(fields[1], []).append(fields[2])
                for file in node.names(f"{network}/dnsmasq.hosts")[:MOST_CONTAINERS]:
                    mac = _MAC.match(node.peek(f"{network}/dnsmasq.hosts/{file}", 4096))
                    given = tuple(addresses(leases.get(mac[0], ()))) if mac else ()
                    named = _STATIC_FILE.fullmatch(file)
                    name = printable(named[1] if named else file)
                    if given and name:
                        yield Container(lxc.full_name(name), name, self.name, addresses=given)


INCUS: Final = Incus("incus", "incusd", ("/var/lib/incus",))
LXD: Final = Incus("lxd", "lxd", ("/var/snap/lxd/common/lxd", "/var/lib/lxd"))


def _metadata(answer: Any) -> Any:
    return mapping(answer).get("metadata")


def _addresses(network: dict[str, Any]) -> Iterator[str]:
    for interface in network.values():
        for one in items(mapping(interface).get("addresses")):
            yield text(mapping(one).get("address"))


def _proxied(device: dict[str, Any]) -> PublishedPort | None:
    """Of a proxy device on the node: ``listen: tcp:0.0.0.0:80``, ``connect: tcp:127.0.0.1:8080``."""
    if device.get("type") != "proxy" or text(device.get("bind")) not in ("", "host"):
        return None
    listens = _PROXY_END.fullmatch(text(device.get("listen")))
    leads = _PROXY_END.fullmatch(text(device.get("connect")))
    if listens is None or leads is None:
        return None
    outside, inside = number(listens[3], 65_535), number(leads[3], 65_535)
    if outside is None or inside is None:
        return None
    bare = listens[2].strip("[]")
    return PublishedPort(listens[1], outside, inside, next(addresses([bare]), None))

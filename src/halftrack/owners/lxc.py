"""LXC: the containers' configuration, of those that run as of those that do not.

Each container is a directory of ``lxc.lxcpath`` (lxc.system.conf(5), ``/var/lib/lxc``) with a file
``config``; a static address is ``lxc.net.N.ipv4.address``, of LXC 2 ``lxc.network.ipv4``
(lxc.container.conf(5)). Which process belongs to which shows by its cgroup ``lxc.payload.NAME``
(``lxc/NAME`` in older versions) and by the monitor above it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container
from halftrack.owners.untrusted import addresses, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.owners.node import Node

_PATH: Final = "/var/lib/lxc"
_SYSTEM: Final = "etc/lxc/lxc.conf"
_ASSIGNED: Final = re.compile(r"^[ \t]*(lxc\.[a-z0-9_.]+)[ \t]*=[ \t]*(.*?)[ \t]*$", re.MULTILINE)
_ADDRESS: Final = re.compile(r"lxc\.(?:net\.[0-9]+|network)\.ipv[46](?:\.address)?")
_HOST_NAMES: Final = ("lxc.uts.name", "lxc.utsname")
_MOST_BYTES: Final = 1 << 18


class Lxc:
    name = "lxc"

    def is_present(self, node: Node) -> bool:
        return node.has(_PATH) or node.has(_SYSTEM)

    def ask(self, node: Node) -> Answer:
        try:
            return Answer(tuple(_containers(node)))
        except PermissionError as error:
            raise NoAnswer("LXC's configuration may not be read", ("CAP_DAC_READ_SEARCH",)) from error


def full_name(name: str) -> str:
    """``PROJECT/NAME`` of what Incus and LXD call ``PROJECT_NAME``; a name holds no underscore."""
    project, underscore, rest = name.rpartition("_")
    return f"{project}/{rest}" if underscore and project and rest else name


def _containers(node: Node) -> Iterator[Container]:
    said = dict(_ASSIGNED.findall(node.peek(_SYSTEM, _MOST_BYTES)))
    path = said.get("lxc.lxcpath", "")
    for directory in dict.fromkeys([path if path.startswith("/") else _PATH, _PATH]):
        for name in node.names(directory)[:MOST_CONTAINERS]:
            if node.is_late():
                return
            lines = node.read(f"{directory}/{name}/config", _MOST_BYTES)
            if lines:
                yield _container(name, _ASSIGNED.findall(lines))


def _container(name: str, assigned: list[tuple[str, str]]) -> Container:
    """Proxmox numbers its containers; what they are called is their host name."""
    shown = printable(name)
    host_name = next((value for key, value in assigned if key in _HOST_NAMES), "")
    told = (value for key, value in assigned if _ADDRESS.fullmatch(key))
    return Container(
        name=printable(host_name) if name.isdecimal() and host_name else shown,
        id=shown,
        runtime=Lxc.name,
        addresses=tuple(dict.fromkeys(addresses(told))),
    )

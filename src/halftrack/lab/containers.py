"""Containers at a bridge of the router, as Docker, Podman and CNI plugins have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from halftrack.lab.place import Place
    from halftrack.lab.scene import Scene

_FIRST: Final = 2


class Bridge:
    """A network that the router has alone; two labs at once have two."""

    def __init__(self, scene: Scene) -> None:
        """Raises HalftrackError where this kernel has no bridges."""
        self._net, self._ipv6 = scene.net, scene.parameters.ipv6
        number = self._net.number
        self._addresses = f"2001:db8:6:{number:x}::{{:x}}" if self._ipv6 else f"198.18.{number}.{{}}"
        self._prefix = 64 if self._ipv6 else 24
        self._name = f"cni{number}"
        self._members = 0
        self._ip(self._net.router, "link", "add", self._name, "type", "bridge")
        self._address(self._net.router, self._name, self._addresses.format(1))

    def container(self, name: str) -> tuple[Place, str]:
        """A new one and its address, which nobody has had before."""
        place, address = self._net.place(name), self._addresses.format(_FIRST + self._members)
        outer = f"veth{self._net.number}-{self._members}"
        self._members += 1
        router, pair = self._net.router, ("type", "veth", "peer", "name", "eth0")
        self._ip(router, "link", "add", outer, *pair, "netns", str(place.pid))
        self._ip(router, "link", "set", outer, "master", self._name, "up")
        self._address(place, "eth0", address)
        self._ip(place, "route", "add", "default", "via", self._addresses.format(1))
        return place, address

    def _address(self, place: Place, interface: str, address: str) -> None:
        given = ("addr", "add", f"{address}/{self._prefix}", "dev", interface)
        self._ip(place, *given, *(("nodad",) if self._ipv6 else ()))
        self._ip(place, "link", "set", interface, "up")

    def _ip(self, place: Place, *words: str) -> None:
        place.run(["ip", "-6" if self._ipv6 else "-4", *words])

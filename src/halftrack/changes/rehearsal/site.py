"""Scratch namespaces: one in the node's place, and one behind each interface that a connection takes."""

from __future__ import annotations

import contextlib
import functools
import ipaddress
import socket
from typing import TYPE_CHECKING, Final, Self

from halftrack.errors import FeatureMissing
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.kernel import links, routes, scratch, tracking
from halftrack.plans.actions import Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from halftrack.changes.rehearsal.services import Service

_FAR: Final = "far"
"""The other end of each of the node's interfaces."""
_OUTWARD, _INWARD = "rehearsal0", "rehearsal1"
"""Interfaces that stand for those of the node, where it has none that leads to a client or a service."""


class Site:
    """``name``: of the node's namespace that ``node`` stands for. Entered, it is there; left, it is gone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._open = contextlib.ExitStack()
        self._far: dict[str, scratch.Netns] = {}
        self._ways: Mapping[str, str] = {}

    def __enter__(self) -> Self:
        """Raises FeatureMissing where no namespaces can be made."""
        self.node = self._made()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def where(self) -> Where:
        """For actions: never the node's namespace, whatever its name."""
        return Where(netns=f"the copy of {self.name}", path=self.node.path, inode=self.node.inode)

    def place(self, address: str) -> scratch.Netns:
        """The namespace that has this address."""
        return self._far[self._ways[address]] if address in self._ways else self.node

    def connect(self, services: Sequence[Service], ways: Mapping[str, str], others: Iterable[str]) -> None:
        """Links and addresses for these services.

        ``ways``: for each address that is not the node's, through which of its interfaces it is reached.
        ``others``: interfaces that only have to be there. Raises OSError, FeatureMissing.
        """
        self._ways = ways
        self._far = {name: self._made() for name in sorted(set(ways.values()))}
        self.node.set({**scratch.ANY_WAY, **scratch.PASSING})
        with contextlib.closing(links.Links(self.node.path)) as node:
            for number, (name, far) in enumerate(self._far.items()):
                self._lead(node, name, far, number)
            spare = self._made() if others else self.node
            for number, name in enumerate(sorted(set(others) - set(self._far)), len(self._far)):
                node.pair(name, f"other{number}", spare.fd, number)
                node.up(name)
            for address, name in ways.items():
                node.route(self.node.call(functools.partial(socket.if_nametoindex, name)), address)
            self._default(node, services)
            owned = {one.back[0] for one in services} | {one.client for one in services}
            fronts = {one.front[0] for one in services if one.front_local}
            for address in sorted((owned | fronts) - set(ways)):
                if not ipaddress.ip_address(address).is_loopback:
                    node.address(self.node.call(_loopback), address)
        for address in sorted(owned & set(ways)):
            far = self.place(address)
            with contextlib.closing(links.Links(far.path)) as there:
                there.address(far.call(_loopback), address)

    def _default(self, node: links.Links, services: Sequence[Service]) -> None:
        """A way for what rules are still to translate."""
        name = next((self._ways[one.client] for one in services if one.client in self._ways), None)
        name = name or next(iter(self._far), None)
        if name is not None:
            index = self.node.call(lambda: socket.if_nametoindex(str(name)))
            for family in (AF_INET, AF_INET6):
                with contextlib.suppress(OSError):  # a kernel without IPv6
                    node.route(index, None, family)

    def _lead(self, node: links.Links, name: str, far: scratch.Netns, number: int) -> None:
        """Make one of the node's interfaces, and behind it a namespace that answers through it."""
        far.set(scratch.ANY_WAY)
        node.pair(name, _FAR, far.fd, number)
        node.up(name)
        with contextlib.closing(links.Links(far.path)) as there:
            there.up(_FAR)
            index = far.call(lambda: socket.if_nametoindex(_FAR))
            for family in (AF_INET, AF_INET6):
                with contextlib.suppress(OSError):  # a kernel without IPv6
                    there.route(index, None, family)

    def _made(self) -> scratch.Netns:
        try:
            return self._open.enter_context(scratch.Netns())
        except OSError as error:
            raise FeatureMissing(f"no scratch namespace can be made: {error.strerror}") from error

    def track(self) -> None:
        """Have the tracker see what passes. Raises HalftrackError."""
        self.node.call(tracking.begin)


def ways(services: Iterable[Service]) -> dict[str, str]:
    """For each address of a service that is not the node's, the interface that leads to it.

    Asked in the calling thread's namespace, so that rules which name interfaces meet the packets that they
    would meet on the node.
    """
    found: dict[str, str] = {}
    for one in services:
        if not one.local:
            found[one.back[0]] = _way(one.back[0], _INWARD)
    for one in services:
        behind = found.get(one.back[0])
        if not one.client_local:
            found.setdefault(one.client, _way(one.client, _OUTWARD))
            if found[one.client] == behind:  # it would not come by here
                found[one.client] = _OUTWARD
        if one.stranger is not None:
            found.setdefault(one.stranger, _way(one.stranger, _OUTWARD))
            if found[one.stranger] == behind:
                found[one.stranger] = _OUTWARD
    return found


def _way(address: str, usual: str) -> str:
    name = routes.interface_to(address)
    return usual if name in (None, "lo") else str(name)


def _loopback() -> int:
    return socket.if_nametoindex("lo")

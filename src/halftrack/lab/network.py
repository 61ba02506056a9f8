"""The lab's network: a client and a server, and between them a router that tracks.

    lab-client  eth0 --- to-client  lab-router  to-server --- eth0  lab-server

Nothing leads out of it. Addresses are those that documents and benchmarks may use (RFC 5737, RFC 3849,
RFC 2544).
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from halftrack.errors import FeatureMissing
from halftrack.kernel import tracking
from halftrack.kernel.links import Links
from halftrack.lab import carrying
from halftrack.lab.parameters import NETWORKS
from halftrack.lab.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from halftrack.lab.parameters import Parameters

CLIENTS: Final = 20
"""Addresses that the client has."""
_BESIDE_CLIENT: Final = 250
_PASSING: Final = {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"}
_COUNTING: Final = {"netfilter/nf_conntrack_acct": "1"}


class Network:
    """``clients``: the client's addresses; ``unused``: what is routed to it and nobody has. Of the healthy
    traffic beside a trouble ``client_beside`` and ``server_beside`` are the ends.
    """

    def __init__(self, stack: ExitStack, parameters: Parameters, *, delay_s: float) -> None:
        """Gone with the stack. ``delay_s``: from router to server, and back. HalftrackError, OSError."""
        ipv6, self.family = parameters.ipv6, parameters.family
        # Two labs at once do not share a server's address, by which its namespace is found.
        number = 10 + (os.getpid() + parameters.network) % NETWORKS
        here, there = ("2001:db8:1::{:x}", "2001:db8:2::{:x}") if ipv6 else ("192.0.2.{}", "198.51.100.{}")
        beside = "2001:db8:4::{:x}" if ipv6 else "198.18.0.{}"
        self.server_address = here.format(number)
        self.clients = tuple(there.format(one) for one in range(1, CLIENTS + 1))
        self.unused = tuple(there.format(one) for one in range(CLIENTS + 1, 251))
        self.server_beside, self.client_beside = beside.format(number), beside.format(_BESIDE_CLIENT)
        self._stack = stack
        self.client, self.router, self.server = (
            self._placed(name) for name in ("lab-client", "lab-router", "lab-server")
        )
        self._connect(delay_s)
        self.router.set(_PASSING | _COUNTING)
        self.router.call(tracking.begin)

    @property
    def places(self) -> tuple[Place, ...]:
        return self.client, self.router, self.server

    def shortcut(self) -> None:
        """One more link, from the client to the server and past the router. Raises OSError."""
        with _links(self.client) as client, _links(self.server) as server:
            client.pair("direct", "direct", self.server.fd, 2)
            client.up("direct")
            server.up("direct")

    def past_the_router(self, place: Place, *addresses: str) -> None:
        """Packets of ``place`` for these go over the shortcut now. Raises OSError."""
        with _links(place) as links:
            for address in addresses:
                links.route(place.index("direct"), address)

    def cut_off(self, place: Place) -> None:
        """Nothing comes or goes there any more. Raises OSError."""
        with _links(place) as links:
            links.down("eth0")

    def _placed(self, name: str) -> Place:
        place = Place(name)
        self._stack.callback(place.end)
        return place

    def _connect(self, delay_s: float) -> None:
        with _links(self.router) as router:
            router.pair("to-client", "eth0", self.client.fd, 0)
            if delay_s:
                self._carry(delay_s)
            else:
                router.pair("to-server", "eth0", self.server.fd, 1)
            for place, name in ((self.client, "to-client"), (self.server, "to-server")):
                router.up(name)
                own = (
                    (*self.clients, self.client_beside)
                    if place is self.client
                    else (self.server_address, self.server_beside)
                )
                with _links(place) as there:
                    there.up("eth0")
                    for address in own:
                        there.address(place.index("eth0"), address)
                    there.route(place.index("eth0"), None, self.family)
            router.route(self.router.index("to-client"), None, self.family)
            for address in (self.server_address, self.server_beside):
                router.route(self.router.index("to-server"), address)

    def _carry(self, delay_s: float) -> None:
        """A link whose packets are carried by hand. Raises FeatureMissing."""
        try:
            near = self.router.call(lambda: carrying.open_tun("to-server"))
            far = self.server.call(lambda: carrying.open_tun("eth0"))
        except OSError as error:
            raise FeatureMissing(f"the slow way needs /dev/net/tun: {error.strerror}") from error
        self._stack.enter_context(carrying.Carrier(near, far, delay_s))


@contextlib.contextmanager
def _links(place: Place) -> Iterator[Links]:
    found = Links(place.path)
    try:
        yield found
    finally:
        found.close()

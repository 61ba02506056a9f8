"""The lab's network: a client and a server, and between them a router that tracks.

    lab-client  eth0 --- to-client  lab-router  to-server --- eth0  lab-server

Nothing leads out of it. Addresses are those that documents and benchmarks may use (RFC 5737, RFC 3849,
RFC 2544). A second client and a second server may stand beside them at the same router.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Final

from halftrack.errors import FeatureMissing
from halftrack.kernel import scratch, tracking
from halftrack.kernel.links import Links
from halftrack.lab import carrying, claiming
from halftrack.lab.parameters import NETWORKS
from halftrack.lab.place import Place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import ExitStack

    from halftrack.lab.parameters import Parameters

CLIENTS: Final = 20
"""Addresses that the client has."""
_BESIDE_CLIENT: Final = 250
_NOT_PASSING: Final = dict.fromkeys(scratch.PASSING, "0")
"""A new namespace may begin with what the node's own has (net/ipv4/devinet.c, devinet_init_net)."""
_TOLD: Final = {"netfilter/nf_conntrack_acct": "counting", "netfilter/nf_conntrack_timestamp": "stamping"}


class Network:
    """``number``: by which its addresses differ from those of other labs. ``places``: all that there are.

    ``clients``: the client's addresses; ``unused``: what is routed to it and nobody has. Of the healthy
    traffic beside a trouble ``client_beside`` and ``server_beside`` are the ends. ``claim``: what keeps the
    number from others for as long as it is open.
    """

    def __init__(
        self, stack: ExitStack, parameters: Parameters, *, delay_s: float, first: Network | None = None
    ) -> None:
        """Gone with the stack. ``delay_s``: from router to server, and back. ``first``: its router is ours.

        Raises HalftrackError, OSError.
        """
        ipv6, self.family = parameters.ipv6, parameters.family
        # Two labs at once do not share a server's address, by which its namespace is found.
        claimed, self.claim = claiming.claim(os.getpid() + parameters.network, NETWORKS)
        if self.claim is not None:
            stack.callback(self.claim.close)
        number = self.number = 10 + claimed
        here, there = ("2001:db8:1::{:x}", "2001:db8:2::{:x}") if ipv6 else ("192.0.2.{}", "198.51.100.{}")
        beside = "2001:db8:4::{:x}" if ipv6 else "198.18.0.{}"
        if first is not None:
            there = "2001:db8:3::{:x}" if ipv6 else "203.0.113.{}"
        self.server_address = here.format(number)
        self.clients = tuple(there.format(one) for one in range(1, CLIENTS + 1))
        self.unused = tuple(there.format(one) for one in range(CLIENTS + 1, 251))
        self.server_beside = beside.format(number)
        self.client_beside = beside.format(_BESIDE_CLIENT + (first is not None))
        self.places: list[Place] = []
        self._stack = stack
        second = "" if first is None else "2"
        self._first_pair = 0 if first is None else 4
        self.to_client, self.to_server = f"to-client{second}", f"to-server{second}"
        self.client = self.place(f"lab-client{second}")
        self.router: Place = self.place("lab-router") if first is None else first.router
        self.server = self.place(f"lab-server{second}")
        self._connect(delay_s)
        for place in (self.client, self.server):
            place.set(_NOT_PASSING)
        if first is None:
            told = {name: str(int(getattr(parameters, field))) for name, field in _TOLD.items()}
            self.router.set(scratch.PASSING | told)
            self.router.call(tracking.begin)

    def shortcut(self) -> None:
        """One more link, from the client to the server and past the router. Raises OSError."""
        with _links(self.client) as client, _links(self.server) as server:
            client.pair("direct", "direct", self.server.fd, self._first_pair + 2)
            client.up("direct")
            server.up("direct")

    def past_the_router(self, place: Place, *addresses: str) -> None:
        """Packets of ``place`` for these go over the shortcut now. Raises OSError."""
        with _links(place) as links:
            for address in addresses:
                links.route(place.index("direct"), address)

    def no_shortcut(self) -> None:
        """Everything passes the router again. Raises OSError."""
        for place in (self.client, self.server):
            with _links(place) as links:
                links.down("direct")

    def place(self, name: str) -> Place:
        """One more, that nothing leads to yet. Raises FeatureMissing."""
        place = Place(name)
        self._stack.callback(place.end)
        self.places.append(place)
        return place

    def remove(self, place: Place) -> None:
        """It is gone, and what is left open of it is not its own any more."""
        self.places.remove(place)
        place.end()

    def _connect(self, delay_s: float) -> None:
        with _links(self.router) as router:
            router.pair(self.to_client, "eth0", self.client.fd, self._first_pair)
            if delay_s:
                self._carry(delay_s)
            else:
                router.pair(self.to_server, "eth0", self.server.fd, self._first_pair + 1)
            for place, name in ((self.client, self.to_client), (self.server, self.to_server)):
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
            # Addresses that nobody has are the first one's: of the second every one is named.
            for goal in (*self.clients, *self.unused, self.client_beside) if self._first_pair else (None,):
                router.route(self.router.index(self.to_client), goal, self.family)
            for address in (self.server_address, self.server_beside):
                router.route(self.router.index(self.to_server), address)

    def _carry(self, delay_s: float) -> None:
        """A link whose packets are carried by hand. Raises FeatureMissing."""
        try:
            near = self.router.call(lambda: carrying.open_tun(self.to_server))
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

"""The trouble that the project was founded on, with real sockets on a scratch network.

A container's web server sends to clients through a node that tracks. The container is shaped: data
waits in its queue while the client resets the connection and goes. By the time the data passes the
node, the entry of the connection has run out, so a new one begins with it, which nobody will ever
answer. A kernel since 3.11 keeps that for five minutes; here two timeouts were raised, which brings
the five days of older ones back.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from kernel.scratch import Netns, scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVER: Final = "203.0.113.180"
"""No other test has it: whose it is has to be clear while others run."""
CLIENTS: Final = tuple(f"198.51.100.{number}" for number in range(150, 162))
RAISED: Final = {
    "nf_conntrack_tcp_timeout_unacknowledged": 432_000,
    "nf_conntrack_tcp_timeout_max_retrans": 432_000,
}
_CLOSE_S: Final = 2
"""How long the node remembers a reset connection here, in place of ten seconds: less to wait for."""
_PAGE: Final = 10_000
"""Bytes."""
_LEAVING: Final = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing sends RST."""
FAST: Final = ("rate", "1gbit", "burst", "100kb", "limit", "10mb")
STOPPED: Final = ("rate", "400bit", "burst", "2kb", "limit", "10mb")


@dataclass(frozen=True)
class Network:
    """``node`` tracks what passes between ``web``, the container, and ``clients``."""

    node: Netns
    web: Netns
    clients: Netns

    def visit(self) -> None:
        """Every client opens a page and goes before it has come; the shaped page comes later."""
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(
                self.web.call(lambda: socket.create_server((SERVER, 80), backlog=64))
            )
            visits = [self._open(listener, address, stack) for address in CLIENTS]
            self.shape(STOPPED)
            for _, served in visits:
                served.settimeout(5)
                served.send(bytes(_PAGE))
            self.clients.run("nft", "add", "rule", "inet", "gone", "input", "tcp", "sport", "80", "drop")
            for client, _ in visits:
                client.close()
            self._wait_until_forgotten()
            self.shape(FAST)
            self._wait_until_sent()
            self.clients.run("nft", "flush", "chain", "inet", "gone", "input")

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Meanwhile one client waits for a page, which waits in the container's queue; then it comes."""
        with contextlib.ExitStack() as stack:
            listener = stack.enter_context(
                self.web.call(lambda: socket.create_server((SERVER, 80), backlog=64))
            )
            client, served = self._open(listener, CLIENTS[0], stack)
            self.shape(STOPPED)
            served.send(bytes(_PAGE))
            yield
            self.shape(FAST)
            client.settimeout(10)
            client.send(b"?")  # the queue looks at its new rate when the answer to this comes
            left = _PAGE
            while left:
                left -= len(client.recv(left))
            client.close()
            self._wait_until_forgotten()

    def _open(
        self, listener: socket.socket, address: str, stack: contextlib.ExitStack
    ) -> tuple[socket.socket, socket.socket]:
        client = stack.enter_context(
            self.clients.call(
                lambda: socket.create_connection((SERVER, 80), timeout=10, source_address=(address, 0))
            )
        )
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LEAVING)
        served, _ = listener.accept()
        return client, stack.enter_context(served)

    def shape(self, how: tuple[str, ...]) -> None:
        """How the container may send, in the words of tc-tbf(8)."""
        self.web.run("tc", "qdisc", "replace", "dev", "eth0", "root", "handle", "1:", "tbf", *how)

    def _wait_until_forgotten(self) -> None:
        """Until the node has no entry of the closed connections any more."""
        for _ in range(200):
            if "dport=80 " not in self.node.run("conntrack", "-L", "-p", "tcp", "--dport", "80"):
                return
            time.sleep(0.1)
        raise TimeoutError("the node still knows the connections that were reset")

    def _wait_until_sent(self) -> None:
        for _ in range(200):
            if " backlog 0b " in self.web.run("tc", "-s", "qdisc", "show", "dev", "eth0"):
                return
            time.sleep(0.1)
        raise TimeoutError("the shaped data does not come out")


@contextlib.contextmanager
def network() -> Iterator[Network]:
    """The three namespaces, gone afterwards whatever happens."""
    with scratch_netns("node") as node, scratch_netns("web") as web, scratch_netns("clients") as clients:
        _link(node, "web", "203.0.113.190/24", web, f"{SERVER}/24")
        _link(node, "uplink", "198.51.100.190/24", clients, *(f"{address}/24" for address in CLIENTS))
        web.run("ip", "route", "add", "default", "via", "203.0.113.190")
        clients.run("ip", "route", "add", "default", "via", "198.51.100.190")
        node.call(lambda: Path("/proc/sys/net/ipv4/ip_forward").write_text("1", "ascii"))
        node.run(
            "nft",
            "add table inet node; add chain inet node forward { type filter hook forward priority 0; }; add rule inet node forward ct state invalid counter",
        )
        clients.run(
            "nft", "add table inet gone; add chain inet gone input { type filter hook input priority 0; }"
        )
        node.sysctl("nf_conntrack_tcp_timeout_close", _CLOSE_S)
        for name, value in RAISED.items():
            node.sysctl(name, value)
        made = Network(node, web, clients)
        made.shape(FAST)
        yield made


def _link(node: Netns, device: str, own: str, other: Netns, *addresses: str) -> None:
    node.run("ip", "link", "add", device, "type", "veth", "peer", "name", "eth0", "netns", other.name)
    node.run("ip", "address", "add", own, "dev", device)
    node.run("ip", "link", "set", device, "up")
    for address in addresses:
        other.run("ip", "address", "add", address, "dev", "eth0")
    other.run("ip", "link", "set", "eth0", "up")

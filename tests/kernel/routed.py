"""A client and a server, and a router between them that tracks: IPv4 and IPv6."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kernel.processes import process_in
from kernel.scratch import Netns, scratch_netns, sh

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT, NEAR, FAR, SERVER = "10.77.1.2", "10.77.1.1", "10.77.2.1", "10.77.2.2"
CLIENT6, NEAR6, FAR6, SERVER6 = "fd77:1::2", "fd77:1::1", "fd77:2::1", "fd77:2::2"


@dataclass(frozen=True, slots=True)
class Network:
    client: Netns
    router: Netns
    server: Netns


class Nameless(Netns):
    """A namespace that is nobody's, as a node's own is: what has a name counts as a container."""

    def __init__(self, pid: int) -> None:
        super().__init__(f"/proc/{pid}/ns/net")
        self.path = self.name

    def run(self, *words: str, stdin: str | None = None) -> str:
        return sh("nsenter", f"--net={self.path}", *words, stdin=stdin)


@contextlib.contextmanager
def routed() -> Iterator[Network]:
    with scratch_netns("cl") as client, process_in(None) as process, scratch_netns("se") as server:
        router = Nameless(process.pid)
        for end, own, near in (
            (client, (CLIENT, CLIENT6), (NEAR, NEAR6)),
            (server, (SERVER, SERVER6), (FAR, FAR6)),
        ):
            name = end.name.split("-")[1]
            router.run("ip", "link", "add", name, "type", "veth", "peer", "name", "up0", "netns", end.name)
            end.run("ip", "link", "set", "up0", "up")
            router.run("ip", "link", "set", name, "up")
            for address, towards, length in zip(own, near, (24, 64), strict=True):
                # Nobody else can have these addresses: none is waited for.
                no_wait = ("nodad",) if length == 64 else ()
                router.run("ip", "address", "add", f"{towards}/{length}", "dev", name, *no_wait)
                end.run("ip", "address", "add", f"{address}/{length}", "dev", "up0", *no_wait)
                end.run("ip", "route", "add", "default", "via", towards)
        router.run("ip", "link", "set", "lo", "up")
        router.run("sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        yield Network(client, router, server)

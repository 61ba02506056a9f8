"""A node of two scratch namespaces with several troubles, of IPv4 and IPv6, seen by itself alone."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.evidence import uapi
from kernel.draining import SERVER, stuck
from kernel.inject import End, Entries, inject
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from kernel.scratch import Netns

FORKED: Final = "203.0.113.80"
"""Of the node; questions to it come in by another interface than answers leave by."""
_OTHER: Final = "198.51.100.9"
_SIX: Final = socket.inet_pton(socket.AF_INET6, "2001:db8::73")
_PEER: Final = socket.inet_pton(socket.AF_INET6, "2001:db8:1::9")
_SERVER: Final = socket.inet_pton(socket.AF_INET, SERVER)
_FORKED: Final = socket.inet_pton(socket.AF_INET, FORKED)
_CLIENT: Final = socket.inet_pton(socket.AF_INET, "192.0.2.77")
_ANSWERED: Final = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_RULES: Final = """\
table inet ours {
  chain in { type filter hook input priority filter; ct state invalid counter drop; tcp dport 80 accept; }
}
"""
_TALK: Final = """
import socket
listening = socket.create_server(("127.0.0.1", 8080))
six = socket.create_server(("::1", 8081), family=socket.AF_INET6)
one = socket.create_connection(("127.0.0.1", 8080)); other, _ = listening.accept()
udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); udp.bind(("127.0.0.1", 5353))
print(flush=True); input()
"""
_BEGIN: Final = """
mount -t tmpfs none /mnt && touch /mnt/other && mount --bind "/run/netns/$OTHER" /mnt/other
umount -R /run/netns && mount -t tmpfs none /run/netns
touch "/run/netns/$OTHER" && mount --bind /mnt/other "/run/netns/$OTHER" && umount /mnt/other && umount /mnt
exec "$@"
"""


class Node:
    """``own``: where its first process lives; ``other``: one that is mounted by name."""

    def __init__(self, own: Netns, other: Netns) -> None:
        self.own, self.other = own, other

    def alone(self, words: Sequence[str]) -> list[str]:
        """A command that sees these two namespaces and its own processes."""
        begin = ["sh", "-c", f"OTHER={self.other.name}; {_BEGIN}", "sh", *words]
        return ["ip", "netns", "exec", self.own.name, "unshare", "-mpf", "--mount-proc", *begin]


@contextlib.contextmanager
def sick_node() -> Iterator[Node]:
    with scratch_netns("node") as own, scratch_netns("other") as other, _talking(own):
        own.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        own.run("ip", "address", "add", "2001:db8::73/128", "dev", "lo", "nodad")
        _fork(own)
        limit = "root tbf rate 1mbit burst 5kb latency 50ms"
        own.run("tc", "qdisc", "add", "dev", "lo", *limit.split())
        own.run("nft", "-f", "-", stdin=_RULES)
        own.run("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
        other.run("ip", "address", "add", f"{_OTHER}/32", "dev", "lo")
        other.run("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
        stuck(own, 1_500)
        stuck(own, 700, port=443, first=100_000)
        stuck(other, 1_200, port=8_883, server=_OTHER)
        ports = np.arange(600, dtype=np.uint16) + 20_000
        established = {"state": uapi.TCP_CONNTRACK_ESTABLISHED, "timeout": 300_000}
        for entries in (
            Entries(
                End(_SIX, _PEER, 8443, ports), End(_PEER, _SIX, ports, 8443),
                count=600, family=uapi.AF_INET6, **established,
            ),
            Entries(
                End(_CLIENT, _SERVER, ports, 5222), End(_SERVER, _CLIENT, 5222, ports),
                count=600, status=_ANSWERED, **established,
            ),
            Entries(
                End(_CLIENT, _FORKED, ports, 25), End(_FORKED, _CLIENT, 25, ports),
                count=600, state=uapi.TCP_CONNTRACK_SYN_SENT, timeout=110,
            ),
            Entries(
                End(_CLIENT, _SERVER, ports, 53), End(_SERVER, _CLIENT, 53, ports),
                count=600, l4proto=uapi.IPPROTO_UDP, timeout=900,
            ),
        ):  # fmt: skip
            inject(own.path, entries)
        yield Node(own, other)


def _fork(netns: Netns) -> None:
    """Questions come in by one interface, answers leave by another."""
    for number, name in enumerate(("front", "back"), 1):
        netns.run("ip", "link", "add", "name", name, "type", "veth", "peer", "name", f"{name}-end")
        netns.run("ip", "address", "add", f"10.79.{number}.1/24", "dev", name)
        netns.run("ip", "address", "add", f"fd79:{number}::1/64", "dev", name, "nodad")
        for end in (name, f"{name}-end"):
            netns.run("ip", "link", "set", end, "up")
    netns.run("ip", "address", "add", f"{FORKED}/32", "dev", "front")
    netns.run("ip", "route", "add", "default", "via", "10.79.2.2")
    netns.run("ip", "route", "add", "default", "via", "fd79:2::2")
    netns.run("ip", "route", "add", "default", "via", "10.79.1.2", "metric", "500")


@contextlib.contextmanager
def _talking(netns: Netns) -> Iterator[None]:
    """Sockets: listening, connected, of UDP."""
    with subprocess.Popen(
        ["ip", "netns", "exec", netns.name, sys.executable, "-c", _TALK],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()

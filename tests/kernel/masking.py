"""What the tests of masks share: a sick namespace that is full of what must not be told."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from halftrack.evidence import uapi
from kernel.draining import LEFT_S, SERVER, sick_netns
from kernel.inject import End, Entries, inject
from kernel.running import piped

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

SERVER_SIX: Final = "2001:db8:7::73"
CLIENT_SIX: Final = "2001:db8:9::14"
MAC: Final = "02:42:ac:11:00:73"
_RULES: Final = f"""
table inet ours {{
  set peers {{ type ipv4_addr; flags interval; elements = {{ 10.0.0.1-10.0.0.9, 10.0.4.0/22, 198.18.7.7 }} }}
  chain in {{
    type filter hook input priority 0;
    ip saddr 10.0.0.1 tcp dport 80 counter accept comment "10.0.0.1 of acme-billing"
    ip saddr 10.0.0.10 tcp dport 80 accept comment "acme, and {CLIENT_SIX}"
    ip saddr 10.0.0.0/16 ct state invalid counter drop
    ip saddr @peers accept
    ip6 saddr {CLIENT_SIX} accept
    ip6 saddr 2001:db8:9::/48 ct state invalid drop
    ether saddr {MAC} accept
    iifname "veth-acme" accept
  }}
  chain dstnat {{
    type nat hook prerouting priority -100;
    ip daddr {SERVER} tcp dport 8080 dnat ip to 10.88.0.14:80 comment "shop-acme/web"
  }}
}}
"""
_ROUTES: Final = (
    "link add away type veth peer name away-end", "link set away up", "link set away-end up",
    "address add 172.20.9.1/24 dev away", "address add 2001:db8:77::1/64 dev away nodad",
    "route add 10.0.0.0/8 via 172.20.9.254", "route add 10.0.4.0/22 via 203.0.113.254 table 100",
    "route add 192.168.44.0/24 via 203.0.113.254 dev veth-acme", "route add blackhole 10.66.0.0/16",
    "-6 route add 2001:db8:9::/48 via 2001:db8:77::254", "-6 route add default via 2001:db8:7::254",
    "rule add from 172.20.9.1 to 10.0.0.0/16 lookup 100", "-6 rule add from 2001:db8:77::1 lookup 100",
)  # fmt: skip
ADDRESSES: Final = (
    SERVER, SERVER_SIX, CLIENT_SIX, "10.0.0.1", "10.0.0.9", "10.0.0.10", "10.0.4.0", "198.18.7.7", "10.88.0.14",
    "172.20.9.1", "2001:db8:77::1", "2001:db8:7::254", "2001:db8:9::", "10.0.5.219", "10.1.134.161",
)  # fmt: skip
OF_ROUTES: Final = ("172.20.9.254", "203.0.113.254", "192.168.44.0", "10.66.0.0", "2001:db8:77::254")
"""That stand in texts of routes alone."""
WORDS: Final = ("acme", "billing", "acme-billing", "shop-acme", "veth-acme", "shop")
_NOT_THE_SAME: Final = ("seconds", "input", "sources", "read_from")


@contextlib.contextmanager
def telling_netns(label: str) -> Iterator[Netns]:
    with sick_netns(label) as netns:
        netns.run(*f"ip link add veth-acme address {MAC} type veth peer name other".split())
        netns.run("ip", "address", "add", f"{SERVER}/24", "dev", "veth-acme")
        netns.run("ip", "address", "add", f"{SERVER_SIX}/64", "dev", "veth-acme", "nodad")
        netns.run("ip", "link", "set", "veth-acme", "up")
        for words in _ROUTES:
            netns.run("ip", *words.split())
        netns.run("nft", "-f", "-", stdin=_RULES)
        netns.run("nft", "add", "chain", "inet", "ours", inside(netns))
        netns.run("nft", "add", "set", "inet", "ours", inside(netns).upper(), "{ type ipv4_addr; }")
        raw = [socket.inet_pton(socket.AF_INET6, each) for each in (SERVER_SIX, CLIENT_SIX)]
        ports = np.arange(300, dtype=np.uint16) + 30_000
        inject(
            netns.path,
            Entries(
                End(raw[0], raw[1], 443, ports),
                End(raw[1], raw[0], ports, 443),
                count=300,
                timeout=LEFT_S,
                state=uapi.TCP_CONNTRACK_ESTABLISHED,
                status=uapi.IPS_CONFIRMED,
                family=uapi.AF_INET6,
            ),
        )
        yield netns


def inside(netns: Netns) -> str:
    """A name that somebody chose, in the middle of which another one is."""
    return f"for{netns.name.replace('-', '')}only"


def names(netns: Netns) -> tuple[str, ...]:
    return (*WORDS, netns.name, os.uname().nodename)


def said(document: bytes) -> dict[str, Any]:
    """Of several peers with equally many entries, any may be named: they are compared by their numbers."""
    whole = json.loads(document)
    for finding in whole["findings"]:
        finding.pop("at", None)
        for group in finding["groups"]:
            counts = [peer["entries"] for peer in group["top_peers"]]
            group["top_peers"] = [
                peer if counts.count(peer["entries"]) == 1 else peer["entries"] for peer in group["top_peers"]
            ]
    return {name: its for name, its in whole.items() if name not in _NOT_THE_SAME}


def doctor(source: str, cwd: Path) -> bytes:
    done = piped("doctor", source, "--json", "--exit-zero", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout

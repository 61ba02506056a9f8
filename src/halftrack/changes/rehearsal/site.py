"""Three scratch namespaces: one in the node's place, one with its clients, one with what is behind it."""

from __future__ import annotations

import contextlib
import ipaddress
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from halftrack.errors import FeatureMissing, HalftrackError
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.kernel import files, iptables, links, scratch, survey, tools
from halftrack.plans.actions import Where

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halftrack.changes.rehearsal.services import Service
    from halftrack.evidence.values import LocalAddress

_CLIENTS: Final = "clients"
_BEHIND: Final = "behind"
_FORWARDING: Final = {
    "ipv4/ip_forward": "1",
    "ipv6/conf/all/forwarding": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
}
_TRACKING: Final = """table inet halftrack_rehearsal {
  chain in { type filter hook prerouting priority 0; ct state new; }
  chain out { type filter hook output priority 0; ct state new; }
}
"""
"""The tracker sees a namespace's packets once a rule there asks for their state."""
_ALL_ROUTES: Final = "00000000"


class Site:
    """``name``: of the node's namespace that ``node`` stands for. Entered, it is there; left, it is gone."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._open = contextlib.ExitStack()

    def __enter__(self) -> Self:
        """Raises FeatureMissing where no namespaces can be made."""
        with self._open as still:
            try:
                self.node, self.clients, self.behind = (
                    still.enter_context(scratch.Netns()) for _ in range(3)
                )
            except OSError as error:
                raise FeatureMissing(f"no scratch namespace can be made: {error.strerror}") from error
            self._open = still.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    @property
    def where(self) -> Where:
        """For actions: never the node's namespace, whatever its name."""
        return Where(netns=f"the copy of {self.name}", path=self.node.path, inode=self.node.inode)

    def connect(self, services: Sequence[Service], uplink: str, inner: str, others: Iterable[str]) -> None:
        """Links and addresses for these services; ``others``: interfaces that only have to be there.

        Raises OSError.
        """
        for place in (self.node, self.clients, self.behind):
            place.call(_forward)
        with (
            contextlib.closing(links.Links(self.node.path)) as node,
            contextlib.closing(links.Links(self.clients.path)) as clients,
            contextlib.closing(links.Links(self.behind.path)) as behind,
        ):
            node.pair(uplink, _CLIENTS, self.clients.fd, 1)
            node.pair(inner, _BEHIND, self.behind.fd, 2)
            for number, name in enumerate(sorted(set(others) - {uplink, inner}), 3):
                node.pair(name, f"other{number}", self.clients.fd, number)
                node.up(name)
            for netns, end in ((node, uplink), (node, inner), (clients, _CLIENTS), (behind, _BEHIND)):
                netns.up(end)
            lo, inward = self.node.call(lambda: _numbers(inner))
            at = {
                node: (lo, self.node.call(lambda: socket.if_nametoindex(uplink))),
                clients: self.clients.call(lambda: _numbers(_CLIENTS)),
                behind: self.behind.call(lambda: _numbers(_BEHIND)),
            }
            for netns, (_, outward) in at.items():
                for family in (AF_INET, AF_INET6):
                    with contextlib.suppress(OSError):  # a kernel without IPv6
                        netns.route(outward, None, family)
            owned: set[tuple[links.Links, str]] = set()
            for one in services:
                owned.add((node if one.local else behind, one.back[0]))
                owned.add((node if one.client_local else clients, one.client))
                if not one.local:
                    node.route(inward, one.back[0])
            for netns, address in sorted(owned, key=lambda pair: pair[1]):
                if not ipaddress.ip_address(address).is_loopback:
                    netns.address(at[netns][0], address)

    def track(self) -> None:
        """Have the tracker see what passes. Raises HalftrackError."""
        self.node.call(_track)


def names(own: Sequence[LocalAddress] | None, servers: Iterable[str]) -> tuple[str, str]:
    """Of the calling thread's namespace: the interface to the outside, and the one to these servers.

    So rules that name interfaces meet the packets that they would meet on the node.
    """
    outward = _default() or "rehearsal0"
    inward = "rehearsal1"
    for text in servers:
        server = ipaddress.ip_address(text)
        for one in own or ():
            interface = ipaddress.ip_interface(f"{one.address.partition('%')[0]}/{one.prefix}")
            if one.interface not in (outward, "lo") and server in interface.network:
                return outward, one.interface
    return outward, inward


def _default() -> str | None:
    text = files.text(survey.net_directory() / "route") or ""
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == words[7] == _ALL_ROUTES:
            return words[0]
    return None


def _numbers(name: str) -> tuple[int, int]:
    return socket.if_nametoindex("lo"), socket.if_nametoindex(name)


def _forward() -> None:
    for name, value in _FORWARDING.items():
        with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
            (Path("/proc/sys/net") / name).write_text(value, encoding="ascii")


def _track() -> None:
    if tools.find("nft") is not None:
        tools.run(["nft", "-f", "-"], _TRACKING)
        return
    rules = (
        "*mangle\n-A PREROUTING -m conntrack --ctstate NEW\n-A OUTPUT -m conntrack --ctstate NEW\nCOMMIT\n"
    )
    for family in ("ip", "ip6"):
        kind: iptables.Family = "ip6" if family == "ip6" else "ip"
        with contextlib.suppress(HalftrackError) if family == "ip6" else contextlib.nullcontext():
            iptables.restore(kind, iptables.flavour(kind), rules)

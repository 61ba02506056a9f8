"""Routes of the calling thread's namespace, through rtnetlink; no privilege is needed."""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.evidence.routing import FIRST_RULES, DefaultRoute, Routing, WayBack
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.kernel import files, interfaces, netlink, netlink_messages
from halftrack.kernel.netlink_messages import NLM_F_REQUEST, attribute, attributes, whole

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.evidence.values import LocalAddress

# include/uapi/linux/rtnetlink.h, fib_rules.h
RTM_NEWROUTE: Final = 24
_RTM_GETROUTE: Final = 26
_RTM_NEWRULE: Final = 32
_RTM_GETRULE: Final = 34
RTA_DST: Final = 1
_RTA_SRC: Final = 2
RTA_OIF: Final = 4
_RTA_GATEWAY: Final = 5
_RTA_PRIORITY: Final = 6
_RTA_MULTIPATH: Final = 9
_RTA_TABLE: Final = 15
_FRA_PRIORITY: Final = 6
RTN_UNICAST: Final = 1
RTMSG: Final = struct.Struct("=BBBBBBBBI")
"""struct rtmsg: family, bits of destination and source, tos, table, protocol, scope, type, flags."""
_RTNEXTHOP: Final = struct.Struct("=HBBi")

_MOST_ROUTES: Final = 4_096
"""A router may know all of the Internet; default routes are the first that the kernel names."""
_MOST_INTERFACES: Final = 256
_WITHIN_S: Final = 2.0


def read(ends: Sequence[tuple[str, str]]) -> Routing:
    """``ends``: addresses of ours and their peers, as text. What could not be had is in ``unread``.

    Raises OSError where nothing could.
    """
    unread: list[str] = []
    names, own = dict(socket.if_nameindex()), interfaces.addresses()
    with netlink.open_socket(netlink.NETLINK_ROUTE, None) as sock:
        ways = tuple(_way_back(sock, local, peer, names, own) for local, peer in ends)
    defaults = [route for family in FIRST_RULES for route in _defaults(family, names, unread)]
    added = [_more_rules(family, unread) for family in FIRST_RULES]
    rules = None if None in added else sum(number or 0 for number in added)
    return Routing(ways, tuple(defaults), rules, rp_filter(names), tuple(unread))


def interface_to(address: str) -> str | None:
    """The interface that leads to an address; None: none does."""
    try:
        with netlink.open_socket(netlink.NETLINK_ROUTE, None) as sock:
            out = _out(_route(sock, address, b""))
        return None if out is None else socket.if_indextoname(out)
    except OSError:
        return None


def _route(sock: socket.socket, address: str, more: bytes) -> bytes:
    """What the kernel would do with a packet to an address; ``more``: attributes. Raises OSError."""
    packed = ipaddress.ip_address(address).packed
    family = AF_INET if len(packed) == 4 else AF_INET6
    request = RTMSG.pack(family, len(packed) * 8, 0, 0, 0, 0, 0, 0, 0) + attribute(RTA_DST, packed) + more
    number = netlink_messages.sequence()
    sock.send(netlink_messages.message(_RTM_GETROUTE, NLM_F_REQUEST, number, request))
    return netlink.answer(sock, number, time.monotonic() + _WITHIN_S)


def _out(body: bytes) -> int | None:
    """The number of the interface that a route leads through."""
    return whole(attributes(body[RTMSG.size :]).get(RTA_OIF, b""))


def _way_back(
    sock: socket.socket, local: str, peer: str, names: Mapping[int, str], own: Sequence[LocalAddress]
) -> WayBack:
    """What the kernel would do with a packet from one to the other."""
    expected = next((each.interface for each in own if each.address == local), None)
    source = b"" if expected is None else attribute(_RTA_SRC, ipaddress.ip_address(local).packed)
    try:
        body = _route(sock, peer, source)
    except OSError:
        return WayBack(local, peer, None, expected)
    reachable = len(body) >= RTMSG.size and body[7] == RTN_UNICAST
    out = _out(body) if reachable else None
    return WayBack(local, peer, None if out is None else names.get(out, str(out)), expected)


def _defaults(family: int, names: Mapping[int, str], unread: list[str]) -> list[DefaultRoute]:
    found: list[DefaultRoute] = []
    request = RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    try:
        with netlink.open_socket(netlink.NETLINK_ROUTE, None) as sock:
            answers = netlink.replies(sock, _RTM_GETROUTE, request, time.monotonic() + _WITHIN_S)
            for seen, (kind, body) in enumerate(answers):
                if seen >= _MOST_ROUTES:
                    break
                if kind == RTM_NEWROUTE and len(body) >= RTMSG.size and not body[1]:
                    found += defaults_of(body, names)
    except OSError as error:
        unread.append(f"routes: {error.strerror or error}")
    return found


def defaults_of(body: bytes, names: Mapping[int, str]) -> list[DefaultRoute]:
    """One for each next hop; none for a route that leads nowhere."""
    family, _, _, _, table, _, _, kind, _ = RTMSG.unpack_from(body)
    if kind != RTN_UNICAST:
        return []
    found = attributes(body[RTMSG.size :])
    table = whole(found.get(_RTA_TABLE, b"")) or table
    metric = whole(found.get(_RTA_PRIORITY, b"")) or 0
    hops = [(whole(found.get(RTA_OIF, b"")), found.get(_RTA_GATEWAY, b""))]
    several = found.get(_RTA_MULTIPATH, b"")
    while len(several) >= _RTNEXTHOP.size:
        length, _, _, out = _RTNEXTHOP.unpack_from(several)
        hops.append((out, attributes(several[_RTNEXTHOP.size : length]).get(_RTA_GATEWAY, b"")))
        several = several[length + 3 & ~3 :] if length >= _RTNEXTHOP.size else b""
    return [
        DefaultRoute(family, names.get(out, str(out)), _address(gateway), metric, table)
        for out, gateway in hops
        if out is not None
    ]


def _more_rules(family: int, unread: list[str]) -> int | None:
    """Rules that somebody added."""
    added = 0
    request = RTMSG.pack(family, 0, 0, 0, 0, 0, 0, 0, 0)
    try:
        with netlink.open_socket(netlink.NETLINK_ROUTE, None) as sock:
            for kind, body in netlink.replies(sock, _RTM_GETRULE, request, time.monotonic() + _WITHIN_S):
                if kind == _RTM_NEWRULE and len(body) >= RTMSG.size:
                    priority = whole(attributes(body[RTMSG.size :]).get(_FRA_PRIORITY, b"")) or 0
                    added += priority not in FIRST_RULES[family]
    except OSError as error:
        unread.append(f"policy rules: {error.strerror or error}")
        return None
    return added


def rp_filter(names: Mapping[int, str]) -> dict[str, int]:
    """Of an interface's own value and that of all the higher counts (ip-sysctl.rst in the kernel tree)."""
    conf = Path("/proc/sys/net/ipv4/conf")
    everywhere = files.number(conf / "all/rp_filter") or 0
    found = {
        name: max(everywhere, files.number(conf / name / "rp_filter") or 0)
        for name in sorted(names.values())[:_MOST_INTERFACES]
        if name != "lo" and "/" not in name
    }
    return {name: value for name, value in found.items() if value}


def _address(raw: bytes) -> str | None:
    return str(ipaddress.ip_address(raw)) if len(raw) in (4, 16) else None

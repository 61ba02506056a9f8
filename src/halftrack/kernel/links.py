"""Interfaces, addresses and routes of a scratch namespace, made through rtnetlink.

Links made here carry packets of any address without asking who has it: both ends of a pair have one
hardware address and no ARP, so that what is sent over it always is for the other end (arp_constructor
in net/ipv4/arp.c, ndisc_constructor in net/ipv6/ndisc.c).
"""

from __future__ import annotations

import ipaddress
import socket
import struct
import time
from typing import Final

from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.interfaces import IFA_ADDRESS, IFA_LOCAL, IFADDRMSG, RTM_NEWADDR
from halftrack.kernel.netlink_messages import (
    NLA_F_NESTED,
    NLM_F_ACK,
    NLM_F_CREATE,
    NLM_F_EXCL,
    NLM_F_REQUEST,
    attribute,
)
from halftrack.kernel.routes import RTA_DST, RTA_OIF, RTM_NEWROUTE, RTMSG, RTN_UNICAST
from halftrack.kernel.traffic_control import IFINFOMSG

# include/uapi/linux/rtnetlink.h, if_link.h, if_addr.h, veth.h
_RTM_NEWLINK: Final = 16
_IFLA_ADDRESS: Final = 1
_IFLA_IFNAME: Final = 3
_IFLA_LINKINFO: Final = 18
_IFLA_NET_NS_FD: Final = 28
_IFLA_INFO_KIND: Final = 1
_IFLA_INFO_DATA: Final = 2
_VETH_INFO_PEER: Final = 1
_IFA_F_NODAD: Final = 0x02
_RT_TABLE_MAIN: Final = 254
_RTPROT_STATIC: Final = 4
_RT_SCOPE_LINK: Final = 253
_IFF_UP: Final = 0x01
_IFF_NOARP: Final = 0x80

_WITHIN_S: Final = 5.0
_HARDWARE: Final = bytes((0x02, 0x68, 0x74))
"""Locally administered; the other three bytes are the pair's number."""


class Links:
    """Of the namespace behind ``netns_path``. All of it raises OSError."""

    def __init__(self, netns_path: str) -> None:
        self._socket = netlink.open_socket(netlink.NETLINK_ROUTE, netns_path)
        self.up("lo")

    def up(self, name: str) -> None:
        self._ask(_RTM_NEWLINK, 0, _link(_IFF_UP) + _name(name))

    def down(self, name: str) -> None:
        """Nothing passes any more, and its routes are gone."""
        self._ask(_RTM_NEWLINK, 0, IFINFOMSG.pack(0, 0, 0, 0, _IFF_UP) + _name(name))

    def pair(self, name: str, peer: str, peer_netns: int, number: int) -> None:
        """A pair of interfaces, both still down; the other end goes to the namespace of that descriptor."""
        address = attribute(_IFLA_ADDRESS, _HARDWARE + number.to_bytes(3, "big"))
        other = _link(_IFF_NOARP) + _name(peer) + address
        other += attribute(_IFLA_NET_NS_FD, struct.pack("=I", peer_netns))
        kind = attribute(_IFLA_INFO_KIND, b"veth\0")
        data = attribute(_IFLA_INFO_DATA | NLA_F_NESTED, attribute(_VETH_INFO_PEER | NLA_F_NESTED, other))
        info = attribute(_IFLA_LINKINFO | NLA_F_NESTED, kind + data)
        self._ask(_RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, _link(_IFF_NOARP) + _name(name) + address + info)

    def address(self, interface: int, address: str) -> None:
        """Give an interface, by its number, one more address of its own alone."""
        family, raw = _packed(address)
        head = IFADDRMSG.pack(family, len(raw) * 8, _IFA_F_NODAD, 0, interface)
        given = attribute(IFA_LOCAL, raw) + attribute(IFA_ADDRESS, raw)
        self._ask(RTM_NEWADDR, NLM_F_CREATE, head + given)

    def route(self, interface: int, address: str | None, family: int = AF_INET) -> None:
        """Send what is for this address through an interface; None: all else of this family."""
        raw = b""
        if address is not None:
            family, raw = _packed(address)
        scope = _RT_SCOPE_LINK if family == AF_INET else 0
        head = RTMSG.pack(family, len(raw) * 8, 0, 0, _RT_TABLE_MAIN, _RTPROT_STATIC, scope, RTN_UNICAST, 0)
        given = attribute(RTA_DST, raw) if raw else b""
        self._ask(RTM_NEWROUTE, NLM_F_CREATE, head + given + attribute(RTA_OIF, struct.pack("=I", interface)))

    def close(self) -> None:
        self._socket.close()

    def _ask(self, kind: int, flags: int, payload: bytes) -> None:
        number = netlink_messages.sequence()
        flags |= NLM_F_REQUEST | NLM_F_ACK
        self._socket.send(netlink_messages.message(kind, flags, number, payload))
        netlink.answer(self._socket, number, time.monotonic() + _WITHIN_S)


def _link(flags: int) -> bytes:
    return IFINFOMSG.pack(0, 0, 0, flags, flags)


def _name(name: str) -> bytes:
    return attribute(_IFLA_IFNAME, name.encode() + b"\0")


def _packed(address: str) -> tuple[int, bytes]:
    family = AF_INET6 if ipaddress.ip_address(address).version == 6 else AF_INET
    return family, socket.inet_pton(family, address)

"""Addresses of the interfaces of a namespace, through rtnetlink; no privilege is needed."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from typing import Final

from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.evidence.values import LocalAddress
from halftrack.kernel import netlink, netlink_messages

RTM_NEWADDR: Final = 20
RTM_GETADDR: Final = 22
IFA_ADDRESS: Final = 1
IFA_LOCAL: Final = 2

IFADDRMSG: Final = struct.Struct("=BBBBI")
_LENGTHS: Final = {AF_INET: 4, AF_INET6: 16}
_WITHIN_S: Final = 5.0


def addresses() -> tuple[LocalAddress, ...]:
    """Every IPv4 and IPv6 address of the calling thread's namespace. Raises OSError."""
    names = dict(socket.if_nameindex())
    found: list[LocalAddress] = []
    with netlink.open_socket(netlink.NETLINK_ROUTE, None) as sock:
        request = IFADDRMSG.pack(0, 0, 0, 0, 0)
        for kind, body in netlink.replies(sock, RTM_GETADDR, request, time.monotonic() + _WITHIN_S):
            if kind == RTM_NEWADDR:
                with contextlib.suppress(ValueError):
                    found.append(_decode(body, names))
    return tuple(found)


def _decode(body: bytes, names: dict[int, str]) -> LocalAddress:
    """One RTM_NEWADDR. IFA_LOCAL is ours; on a point-to-point link IFA_ADDRESS is the other end."""
    if len(body) < IFADDRMSG.size:
        raise ValueError(body)
    family, prefix, _, _, index = IFADDRMSG.unpack_from(body)
    given = netlink_messages.attributes(body[IFADDRMSG.size :])
    raw = given.get(IFA_LOCAL) or given.get(IFA_ADDRESS, b"")
    if len(raw) != _LENGTHS.get(family):
        raise ValueError(body)
    return LocalAddress(socket.inet_ntop(family, raw), prefix, names.get(index, str(index)))

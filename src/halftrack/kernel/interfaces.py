"""Addresses of the interfaces of a namespace, through rtnetlink; no privilege is needed."""

from __future__ import annotations

import contextlib
import errno
import os
import random
import socket
import struct
from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.evidence.values import LocalAddress
from halftrack.kernel import netlink

if TYPE_CHECKING:
    from collections.abc import Iterator

RTM_NEWADDR: Final = 20
RTM_GETADDR: Final = 22
IFA_ADDRESS: Final = 1
IFA_LOCAL: Final = 2

_HEADER: Final = struct.Struct("=IHHII")
_IFADDRMSG: Final = struct.Struct("=BBBBI")
_ATTRIBUTE: Final = struct.Struct("=HH")
_LENGTHS: Final = {AF_INET: 4, AF_INET6: 16}
_MOST: Final = 200_000


def addresses() -> tuple[LocalAddress, ...]:
    """Every IPv4 and IPv6 address of the calling thread's namespace. Raises OSError."""
    names = dict(socket.if_nameindex())
    with netlink.open_socket(netlink.NETLINK_ROUTE, None) as sock:
        sequence = random.getrandbits(31)
        flags = netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP
        sock.send(netlink.message(RTM_GETADDR, flags, sequence, _IFADDRMSG.pack(0, 0, 0, 0, 0)))
        found: list[LocalAddress] = []
        while len(found) < _MOST:
            for kind, body in messages(sock.recv(1 << 18), sequence):
                if kind == netlink.NLMSG_DONE:
                    return tuple(found)
                if kind == netlink.NLMSG_ERROR:
                    code = -struct.unpack_from("=i", body)[0] if len(body) >= 4 else errno.EIO
                    raise OSError(code, os.strerror(code))
                if kind == RTM_NEWADDR:
                    with contextlib.suppress(ValueError):
                        found.append(_decode(body, names))
        return tuple(found)


def messages(datagram: bytes, sequence: int) -> Iterator[tuple[int, bytes]]:
    """``(type, payload)`` of each message of a datagram that answers ``sequence``."""
    at = 0
    while at + _HEADER.size <= len(datagram):
        length, kind, _, number, _ = _HEADER.unpack_from(datagram, at)
        if length < _HEADER.size or at + length > len(datagram):
            return
        if number == sequence:
            yield kind, datagram[at + _HEADER.size : at + length]
        at += length + 3 & ~3


def _decode(body: bytes, names: dict[int, str]) -> LocalAddress:
    """One RTM_NEWADDR. IFA_LOCAL is ours; on a point-to-point link IFA_ADDRESS is the other end."""
    if len(body) < _IFADDRMSG.size:
        raise ValueError(body)
    family, prefix, _, _, index = _IFADDRMSG.unpack_from(body)
    at, given = _IFADDRMSG.size, {}
    while at + _ATTRIBUTE.size <= len(body):
        length, kind = _ATTRIBUTE.unpack_from(body, at)
        if length < _ATTRIBUTE.size:
            break
        given[kind & netlink.NLA_TYPE_MASK] = body[at + _ATTRIBUTE.size : at + length]
        at += length + 3 & ~3
    raw = given.get(IFA_LOCAL) or given.get(IFA_ADDRESS, b"")
    if len(raw) != _LENGTHS.get(family):
        raise ValueError(body)
    return LocalAddress(socket.inet_ntop(family, raw), prefix, names.get(index, str(index)))

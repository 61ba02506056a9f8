"""Names of the nftables tables and chains of this namespace, asked of the kernel itself.

No command is run, so nothing can hang; needs CAP_NET_ADMIN. The rules of ``iptables-nft`` show
here like any other, those of ``iptables-legacy`` do not.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.kernel import netlink

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/netfilter/nfnetlink.h and nf_tables.h
_SUBSYSTEM: Final = 10
_GETTABLE: Final = 1
_GETCHAIN: Final = 4
_TABLE_NAME: Final = 1
_CHAIN_TABLE: Final = 1
_CHAIN_NAME: Final = 3
FAMILIES: Final = {1: "inet", 2: "ip", 3: "arp", 5: "netdev", 7: "bridge", 10: "ip6"}

_HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
_RECEIVE: Final = 1 << 18
_MOST_NAMES: Final = 100_000
_WITHIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Names:
    """``tables``: ``(family, name)``. ``chains``: names in any of them."""

    tables: frozenset[tuple[str, str]] = frozenset()
    chains: frozenset[str] = frozenset()


def names() -> Names | None:
    """What is loaded; None where that may not be asked, is not known to this kernel, or comes too late."""
    try:
        sock = socket.socket(netlink.AF_NETLINK, socket.SOCK_RAW, netlink.NETLINK_NETFILTER)
    except OSError:
        return None
    deadline = time.monotonic() + _WITHIN_S
    tables: set[tuple[str, str]] = set()
    chains: set[str] = set()
    with sock:
        sock.settimeout(_WITHIN_S)
        try:
            for family, attributes in _dump(sock, _GETTABLE, deadline):
                tables.add((family, _text(attributes.get(_TABLE_NAME))))
            for _, attributes in _dump(sock, _GETCHAIN, deadline):
                chains.add(_text(attributes.get(_CHAIN_NAME)))
        except OSError:
            return None
    return Names(frozenset(tables), frozenset(chains))


def _dump(sock: socket.socket, kind: int, deadline: float) -> Iterator[tuple[str, dict[int, bytes]]]:
    """Family and attributes of each object. Raises OSError."""
    sequence = int.from_bytes(os.urandom(4), "little")
    request = netlink.message(
        _SUBSYSTEM << 8 | kind, netlink.NLM_F_REQUEST | netlink.NLM_F_DUMP, sequence, bytes(4)
    )
    sock.sendto(request, (0, 0))
    for _ in range(_MOST_NAMES):
        if time.monotonic() > deadline:
            raise TimeoutError
        data = sock.recv(_RECEIVE)
        place = 0
        while place + _HEADER.size <= len(data):
            length, message, _, answered, _ = _HEADER.unpack_from(data, place)
            if length < _HEADER.size or place + length > len(data):
                break
            body = data[place + _HEADER.size : place + length]
            place += length + 3 & ~3
            if answered != sequence:
                continue
            if message in (netlink.NLMSG_DONE, netlink.NLMSG_ERROR):
                code = int.from_bytes(body[:4], "little", signed=True)
                if code < 0:
                    raise OSError(-code, os.strerror(-code))
                return
            yield FAMILIES.get(body[0] if body else 0, "?"), _attributes(body[4:])
    raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))


def _attributes(data: bytes) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    place = 0
    while place + _ATTRIBUTE.size <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, place)
        if length < _ATTRIBUTE.size:
            break
        found[kind & netlink.NLA_TYPE_MASK] = data[place + _ATTRIBUTE.size : place + length]
        place += length + 3 & ~3
    return found


def _text(value: bytes | None) -> str:
    return (value or b"").rstrip(b"\0").decode(errors="replace")

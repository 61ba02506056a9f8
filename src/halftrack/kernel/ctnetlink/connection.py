"""One TCP connection's entry, asked for by itself: one message there, one back.

Nothing heavy is loaded for it, unlike for a table.
"""

from __future__ import annotations

import ipaddress
import struct
import time
from dataclasses import dataclass
from typing import Final

from halftrack.evidence import uapi
from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.netlink_messages import CT_GET, NLA_F_NESTED, NLM_F_REQUEST, attribute, attributes

_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Seen:
    """``left_s``: what it has left, None where the kernel does not tell (offloaded)."""

    state: str | None
    left_s: int | None
    assured: bool
    translated: bool


def find(client: str, client_port: int, server: str, server_port: int) -> Seen | None:
    """The entry of the calling thread's namespace by what the server sees; None where there is none.

    It is looked up by its replies, which no translation on this node changes. Raises OSError.
    """
    from_server = _tuple(server, server_port, client, client_port)
    opened_here = _ask(server, uapi.CTA_TUPLE_REPLY, from_server)
    return opened_here or _ask(server, uapi.CTA_TUPLE_ORIG, from_server)


def _ask(address: str, way: int, wanted: bytes) -> Seen | None:
    family = uapi.AF_INET if _plain(address).version == 4 else uapi.AF_INET6
    payload = struct.pack("=BBH", family, 0, 0) + attribute(way | NLA_F_NESTED, wanted)
    number = netlink_messages.sequence()
    with netlink.open_socket(netlink.NETLINK_NETFILTER, None) as sock:
        sock.send(netlink_messages.message(CT_GET, NLM_F_REQUEST, number, payload))
        try:
            body = netlink.answer(sock, number, time.monotonic() + _PATIENCE_S)
        except FileNotFoundError:
            return None
    return _seen(attributes(body[4:]))


def _seen(found: dict[int, bytes]) -> Seen:
    status = int.from_bytes(found.get(uapi.CTA_STATUS, b""), "big")
    left = found.get(uapi.CTA_TIMEOUT)
    tcp = attributes(attributes(found.get(uapi.CTA_PROTOINFO, b"")).get(uapi.CTA_PROTOINFO_TCP, b""))
    state = int.from_bytes(tcp.get(uapi.CTA_PROTOINFO_TCP_STATE, b""), "big")
    return Seen(
        state=uapi.TCP_STATES[state] if 0 < state < len(uapi.TCP_STATES) else None,
        left_s=None if left is None else int.from_bytes(left, "big"),
        assured=bool(status & uapi.IPS_ASSURED),
        translated=bool(status & uapi.IPS_NAT_MASK),
    )


def _tuple(source: str, source_port: int, target: str, target_port: int) -> bytes:
    one, other = _plain(source), _plain(target)
    old = one.version == 4
    ip = attribute(uapi.CTA_IP_V4_SRC if old else uapi.CTA_IP_V6_SRC, one.packed)
    ip += attribute(uapi.CTA_IP_V4_DST if old else uapi.CTA_IP_V6_DST, other.packed)
    proto = attribute(uapi.CTA_PROTO_NUM, bytes([uapi.IPPROTO_TCP]))
    proto += attribute(uapi.CTA_PROTO_SRC_PORT, source_port.to_bytes(2, "big"))
    proto += attribute(uapi.CTA_PROTO_DST_PORT, target_port.to_bytes(2, "big"))
    return attribute(uapi.CTA_TUPLE_IP | NLA_F_NESTED, ip) + attribute(
        uapi.CTA_TUPLE_PROTO | NLA_F_NESTED, proto
    )


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """sshd on a dual-stack socket writes IPv4 addresses as mapped ones."""
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found

"""First packets of connections that nobody means to have: written by hand, from any address.

What is sent has no socket behind it, and an answer comes to nobody. How many there are is bounded by
whoever asks for them.
"""

from __future__ import annotations

import ipaddress
import socket
import struct
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from halftrack.evidence.uapi import IPPROTO_TCP, IPPROTO_UDP
from halftrack.lab.talking import Going

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.lab.place import Place

_SYN: Final = 0x02
_WINDOW: Final = 64_240
_TTL: Final = 64
_IPV4: Final = struct.Struct(">BBHHHBBH4s4s")
_IPV6: Final = struct.Struct(">IHBB16s16s")
_TCP: Final = struct.Struct(">HHIIBBHHH")
_UDP: Final = struct.Struct(">HHHH")
_PORTS: Final = 64_512


class Packet(NamedTuple):
    """The first one of a connection, of TCP unless it is said to be of UDP."""

    source: str
    source_port: int
    target: str
    target_port: int
    protocol: int = IPPROTO_TCP


class Sender:
    """Sends packets of a kind out of ``place``, from whomever they say that they are; ``packets`` ends."""

    def __init__(self, place: Place, packets: Iterator[Packet], *, ipv6: bool) -> None:
        """Raises OSError."""
        family = socket.AF_INET6 if ipv6 else socket.AF_INET
        # A socket of this protocol is given packets as they are, with their header: raw(7), ipv6(7).
        self._socket = place.call(lambda: socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW))
        self._packets = packets

    def send(self, number: int) -> None:
        """So many of those that are left. Raises OSError."""
        for one in islice(self._packets, number):
            self._socket.sendto(written(one), (one.target, 0))

    def going(self, number: int, every_s: float) -> Going:
        """Send on, so many each time, until there are no more."""
        return Going(lambda: self.send(number), every_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()


def addresses(network: str, number: int) -> Iterator[str]:
    """So many of a network of at least 65,536, far from each other; from the 65,535th on again."""
    block = ipaddress.ip_network(network)
    room = 65_536 - 2
    first = int(block.network_address) + 1
    kind = ipaddress.IPv6Address if block.version == 6 else ipaddress.IPv4Address
    return (str(kind(first + each * 40_503 % room)) for each in range(number))


def port(number: int) -> int:
    """One for whoever begins a connection, another for each of many."""
    return 1_024 + number * 25_717 % _PORTS


def written(packet: Packet) -> bytes:
    """The packet as it goes over the wire."""
    source, target = (ipaddress.ip_address(one).packed for one in (packet.source, packet.target))
    inner = _udp(packet) if packet.protocol == IPPROTO_UDP else _tcp(packet)
    summed = source + target + struct.pack(">II", len(inner), packet.protocol) + inner
    at = 6 if packet.protocol == IPPROTO_UDP else 16
    inner = inner[:at] + struct.pack(">H", _checksum(summed)) + inner[at + 2 :]
    if len(source) == 16:
        return _IPV6.pack(6 << 28, len(inner), packet.protocol, _TTL, source, target) + inner
    # The kernel fills in the checksum, and an identification.
    head = _IPV4.pack(0x45, 0, _IPV4.size + len(inner), 0, 0, _TTL, packet.protocol, 0, source, target)
    return head + inner


def _tcp(packet: Packet) -> bytes:
    offset = _TCP.size // 4 << 4
    return _TCP.pack(packet.source_port, packet.target_port, 1, 0, offset, _SYN, _WINDOW, 0, 0)


def _udp(packet: Packet) -> bytes:
    data = b"hello"
    return _UDP.pack(packet.source_port, packet.target_port, _UDP.size + len(data), 0) + data


def _checksum(data: bytes) -> int:
    """Of RFC 1071; a zero is sent as all ones, which UDP wants and TCP does not mind."""
    padded = data + bytes(len(data) % 2)
    total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF or 0xFFFF

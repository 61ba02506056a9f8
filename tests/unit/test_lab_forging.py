"""First packets that the lab writes by hand are what a capture library takes them for."""

from __future__ import annotations

import ipaddress
import struct

import pytest

from halftrack.evidence.uapi import IPPROTO_TCP, IPPROTO_UDP
from halftrack.lab import forging


def _sum(data: bytes) -> int:
    """Ones' complement sum of 16-bit words: all ones where a checksum within is right."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


@pytest.mark.parametrize("protocol", [IPPROTO_TCP, IPPROTO_UDP])
@pytest.mark.parametrize(
    ("source", "target"), [("198.19.0.1", "192.0.2.80"), ("2001:db8:5::1", "2001:db8:1::50")]
)
def test_addresses_ports_lengths_and_checksum_are_right(source: str, target: str, protocol: int) -> None:
    raw = forging.written(forging.Packet(source, 40_000, target, 80, protocol))
    head = 20 if "." in source else 40
    packed = [ipaddress.ip_address(one).packed for one in (source, target)]
    assert raw[head - sum(map(len, packed)) : head] == b"".join(packed)
    inner = raw[head:]
    assert struct.unpack(">HH", inner[:4]) == (40_000, 80)
    padded = inner + bytes(len(inner) % 2)
    assert _sum(b"".join(packed) + struct.pack(">II", len(inner), protocol) + padded) == 0xFFFF
    length = raw[2:4] if head == 20 else raw[4:6]
    assert int.from_bytes(length) == (len(raw) if head == 20 else len(inner))
    if protocol == IPPROTO_TCP:
        assert inner[13] == 0x02  # SYN, and nothing else
    else:
        assert int.from_bytes(inner[4:6]) == len(inner)


@pytest.mark.parametrize("network", ["198.19.0.0/16", "2001:db8:5::/64"])
def test_addresses_are_of_the_network_and_all_different(network: str) -> None:
    block = ipaddress.ip_network(network)
    found = [ipaddress.ip_address(one) for one in forging.addresses(network, 20_000)]
    assert len(set(found)) == 20_000
    assert all(one in block for one in found)
    assert block.network_address not in found


def test_ports_are_never_low_ones_and_seldom_the_same() -> None:
    found = [forging.port(number) for number in range(60_000)]
    assert min(found) >= 1_024
    assert max(found) <= 65_535
    assert len(set(found)) == 60_000

"""Default routes from rtnetlink messages: next hops, tables, and any bytes."""

from __future__ import annotations

import struct

from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.routing import DefaultRoute
from halftrack.evidence.uapi import AF_INET
from halftrack.kernel import routes
from halftrack.kernel.netlink_messages import attribute

NAMES = {2: "eth0", 3: "eth1"}


def number(value: int) -> bytes:
    return struct.pack("=I", value)


def message(*attributes: bytes, kind: int = 1, table: int = 254) -> bytes:
    return struct.pack("=BBBBBBBBI", AF_INET, 0, 0, 0, table, 3, 0, kind, 0) + b"".join(attributes)


def hop(out: int, gateway: bytes) -> bytes:
    given_ = attribute(5, gateway)
    return struct.pack("=HBBi", 8 + len(given_), 0, 0, out) + given_


def test_one_gateway() -> None:
    body = message(attribute(4, number(2)), attribute(5, bytes((192, 0, 2, 1))), attribute(6, number(100)))
    assert routes.defaults_of(body, NAMES) == [DefaultRoute(AF_INET, "eth0", "192.0.2.1", 100, 254)]


def test_tables_beyond_a_byte() -> None:
    body = message(attribute(4, number(9)), attribute(15, number(1000)), table=252)
    assert routes.defaults_of(body, NAMES) == [DefaultRoute(AF_INET, "9", None, 0, 1000)]


def test_several_next_hops() -> None:
    body = message(attribute(9, hop(2, bytes((192, 0, 2, 1))) + hop(3, bytes((198, 51, 100, 1)))))
    assert [(each.interface, each.gateway) for each in routes.defaults_of(body, NAMES)] == [
        ("eth0", "192.0.2.1"),
        ("eth1", "198.51.100.1"),
    ]


def test_a_way_to_nowhere_is_none() -> None:
    assert routes.defaults_of(message(attribute(4, number(2)), kind=6), NAMES) == []


@given(st.binary(max_size=120))
def test_any_bytes(tail: bytes) -> None:
    for each in routes.defaults_of(message(tail), NAMES):
        assert each.interface

"""Decoding sock_diag answers: whatever bytes come, rows or none."""

from __future__ import annotations

import socket
import struct

from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import addresses
from halftrack.evidence.uapi import AF_INET, AF_INET6, IPPROTO_TCP
from halftrack.kernel import sockets

SEQUENCE = 0x4D2C_91F7


def answer(family: int, local: tuple[str, int], remote: tuple[str, int], *, extra: bytes = b"") -> bytes:
    """One SOCK_DIAG_BY_FAMILY message, attributes appended."""
    ends = [socket.inet_pton(family, address).ljust(16, b"\0") for address, _ in (local, remote)]
    body = struct.pack(">BBBBHH", family, 1, 0, 0, local[1], remote[1]) + b"".join(ends)
    body += bytes(12) + struct.pack("=IIIII", 0, 0, 0, 1000, 4711) + extra
    return struct.pack("=IHHII", 16 + len(body), 20, 2, SEQUENCE, 0) + body


DUMP = (
    answer(AF_INET, ("192.0.2.1", 80), ("198.51.100.7", 40000), extra=bytes(12))
    + answer(AF_INET6, ("::ffff:192.0.2.1", 443), ("2001:db8::1", 50000))
    + struct.pack("=IHHIIi", 20, 3, 2, SEQUENCE, 0, 0)
)


def test_fields() -> None:
    """Both families, attributes of any length, end marker left out."""
    frame = sockets.decode(DUMP, SEQUENCE, IPPROTO_TCP)

    local = [addresses.to_text(*pair) for pair in frame.select("local_hi", "local_lo").iter_rows()]
    remote = [addresses.to_text(*pair) for pair in frame.select("remote_hi", "remote_lo").iter_rows()]
    assert local == ["192.0.2.1", "192.0.2.1"]
    assert remote == ["198.51.100.7", "2001:db8::1"]
    assert frame["local_port"].to_list() == [80, 443]
    assert frame["remote_port"].to_list() == [40000, 50000]
    assert frame["uid"].to_list() == [1000, 1000]
    assert frame["inode"].to_list() == [4711, 4711]


def test_our_number_inside_a_message_is_no_header() -> None:
    """A payload that looks like a header breaks the chain; the messages are then walked one by one."""
    disguised = struct.pack("=IHHII", 88, 20, 2, SEQUENCE, 0)
    raw = answer(AF_INET, ("192.0.2.1", 80), ("192.0.2.2", 81), extra=disguised) + DUMP
    assert sockets.decode(raw, SEQUENCE, IPPROTO_TCP)["local_port"].to_list() == [80, 80, 443]


@given(
    st.lists(st.tuples(st.integers(0, len(DUMP) - 1), st.integers(0, 255)), max_size=8),
    st.integers(0, len(DUMP)),
)
def test_any_bytes_give_rows(changes: list[tuple[int, int]], length: int) -> None:
    """Damaged and cut answers never raise and never give more sockets than there is room for."""
    raw = bytearray(DUMP)
    for place, value in changes:
        raw[place] = value
    frame = sockets.decode(bytes(raw[:length]), SEQUENCE, IPPROTO_TCP)
    assert frame.height <= length // 88

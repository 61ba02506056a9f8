"""Netlink messages: what was written is read back, and any bytes are read without an error."""

from __future__ import annotations

import errno
import struct

from hypothesis import given
from hypothesis import strategies as st

from halftrack.kernel.netlink_messages import (
    NLA_F_NESTED,
    NLMSG_DONE,
    NLMSG_ERROR,
    attribute,
    attributes,
    ended,
    headers,
    message,
    messages,
    sequence,
)

OURS, THEIRS = 0x4D2C_91F7, 7
DONE = message(NLMSG_DONE, 2, OURS, struct.pack("=i", 0))
REFUSED = message(NLMSG_ERROR, 0, OURS, struct.pack("=i", -errno.EPERM) + bytes(16))
OBJECT = message(20, 2, OURS, b"1234")


def test_only_answers_to_the_request() -> None:
    """Payloads without their padding."""
    datagram = message(20, 2, OURS, b"abc") + b"\0" + message(20, 2, THEIRS, b"other") + bytes(3) + DONE
    assert list(messages(datagram, OURS)) == [(20, b"abc"), (NLMSG_DONE, bytes(4))]


def test_attributes_by_type() -> None:
    """The flag for a nest is no part of the type; a length below a header's own ends it."""
    data = attribute(1, b"lo\0") + attribute(2 | NLA_F_NESTED, b"1234") + struct.pack("=HH", 3, 5)
    assert attributes(data) == {1: b"lo\0", 2: b"1234"}


def test_where_a_dump_ends() -> None:
    assert ended(OBJECT + DONE, OURS) == 0
    assert ended(DONE, OURS) == 0
    assert ended(REFUSED, OURS) == errno.EPERM
    assert ended(OBJECT, OURS) is None
    assert ended(OBJECT + DONE, THEIRS) is None
    assert ended(b"", OURS) is None


def test_request_numbers_differ() -> None:
    numbers = {sequence() for _ in range(64)}
    assert len(numbers) == 64
    assert all(1 << 30 <= number < 1 << 31 for number in numbers)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    """Messages lie within the datagram, one behind the other."""
    at = 0
    for header in headers(data):
        assert at <= header.at < header.at + header.length <= len(data)
        at = header.next
    assert all(len(payload) <= len(data) for payload in attributes(data).values())

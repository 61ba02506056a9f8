"""Messages that are rare, foreign or broken: what the decoder makes of each."""

from __future__ import annotations

import struct

import pytest

from halftrack.evidence import uapi
from halftrack.kernel.ctnetlink.decode import Decoder
from halftrack.kernel.netlink import DATAGRAM
from halftrack.kernel.netlink_messages import CT_NEW, NLMSG_DONE, NLMSG_ERROR, attribute, message

SEQUENCE = 0x40000001
NESTED = 0x8000


def nest(kind: int, *parts: bytes, flag: int = NESTED) -> bytes:
    return attribute(kind | flag, b"".join(parts))


def tuple_of(kind: int, l4proto: int = uapi.IPPROTO_TCP, flag: int = NESTED) -> bytes:
    ends = nest(1, attribute(1, bytes([10, 0, 0, kind])), attribute(2, bytes([10, 0, 0, 9])), flag=flag)
    ports = attribute(2, struct.pack(">H", 40000)), attribute(3, struct.pack(">H", 80))
    return nest(kind, ends, nest(2, attribute(1, bytes([l4proto])), *ports, flag=flag), flag=flag)


def entry(*extra: bytes, l4proto: int = uapi.IPPROTO_TCP, flag: int = NESTED) -> bytes:
    head = struct.pack("=BBH", uapi.AF_INET, 0, 0)
    tuples = tuple_of(1, l4proto, flag) + tuple_of(2, l4proto, flag)
    return message(CT_NEW, 2, SEQUENCE, head + tuples + b"".join(extra))


def decoded(*datagrams: bytes) -> Decoder:
    memory = b"".join(datagram.ljust(DATAGRAM, b"\0") for datagram in datagrams)
    decoder = Decoder(SEQUENCE)
    decoder.add(memory, [len(datagram) for datagram in datagrams])
    return decoder


def row(*extra: bytes, l4proto: int = uapi.IPPROTO_TCP) -> dict[str, object]:
    decoder = decoded(entry(*extra, l4proto=l4proto))
    assert decoder.unreadable == 0
    return decoder.frame().row(0, named=True)


def test_an_offloaded_entry_has_no_timeout() -> None:
    status = uapi.IPS_CONFIRMED | uapi.IPS_OFFLOAD
    found = row(attribute(3, struct.pack(">I", status)))
    assert (found["status"], found["timeout"]) == (status, None)


def test_the_states_of_dccp_come_from_its_own_nest() -> None:
    assert row(nest(4, nest(2, attribute(1, b"\x04"))), l4proto=uapi.IPPROTO_DCCP)["state"] == 4


def test_gre_has_keys_and_no_ports() -> None:
    found = row(l4proto=uapi.IPPROTO_GRE)
    assert (found["orig_srckey"], found["orig_dstkey"]) == (40000, 80)
    assert (found["orig_sport"], found["orig_dport"]) == (None, None)


def test_helper_and_security_context_are_text() -> None:
    found = row(nest(5, attribute(1, b"ftp\0")), nest(19, attribute(1, b"u:r:t:s0\0")))
    assert (found["helper"], found["secctx"]) == ("ftp", "u:r:t:s0")


def test_text_that_is_no_utf8_is_made_printable() -> None:
    assert row(nest(5, attribute(1, b"\xff\xfe\0")))["helper"] == "\\xff\\xfe"


@pytest.mark.parametrize(
    "empty", [nest(5, attribute(1, b"")), nest(19, attribute(1, b"")), attribute(22, b"")]
)
def test_an_empty_text_is_no_text(empty: bytes) -> None:
    found = row(empty)
    assert [found[name] for name in ("helper", "secctx", "labels")] == [None, None, None]


def test_labels_of_any_length_are_their_set_bits() -> None:
    assert row(attribute(22, b"\x81"))["labels"] == "0,7"
    assert row(attribute(22, bytes(15) + b"\x80"))["labels"] == "127"
    assert row(attribute(22, bytes(16)))["labels"] is None


def test_attributes_from_a_newer_kernel_are_skipped() -> None:
    found = row(attribute(99, b"new"), nest(98, attribute(1, b"x")), attribute(8, struct.pack(">I", 7)))
    assert found["mark"] == 7


def test_kernels_that_do_not_flag_their_nests_read_the_same() -> None:
    assert decoded(entry(flag=0)).frame().equals(decoded(entry()).frame())


@pytest.mark.parametrize(
    "broken",
    [
        struct.pack("=HH", 60, 8),
        struct.pack("=HH", 0, 8),
        struct.pack("=HH", 3, 8),
        attribute(8, b"\x01"),
        nest(4, struct.pack("=HH", 40, 1)),
    ],
    ids=["overruns", "empty", "too-short", "narrow-mark", "nested-overrun"],
)
def test_a_broken_message_is_counted_and_its_neighbours_are_read(broken: bytes) -> None:
    good = entry(attribute(8, struct.pack(">I", 7)))
    decoder = decoded(good + entry(broken) + good, good)
    assert (decoder.frame()["mark"].to_list(), decoder.unreadable) == ([7, 7, 7], 1)


def test_our_number_inside_a_payload_starts_no_message() -> None:
    bait = struct.pack("=IHHI", 24, CT_NEW, 2, SEQUENCE) + bytes(12)
    decoder = decoded(entry(attribute(99, bait)) + entry())
    assert (decoder.frame().height, decoder.unreadable) == (2, 0)


def test_messages_of_others_are_passed_over() -> None:
    other = message(CT_NEW, 2, SEQUENCE ^ 1, struct.pack("=BBH", 2, 0, 0))
    assert decoded(entry() + other + entry()).frame().height == 2


def test_bytes_left_over_from_the_last_use_of_a_buffer_are_not_read() -> None:
    one, memory = entry(), (entry() + entry()).ljust(DATAGRAM, b"\0")
    decoder = Decoder(SEQUENCE)
    decoder.add(memory, [len(one)])
    assert decoder.frame().height == 1


def test_the_order_of_the_dump_is_kept_across_shapes() -> None:
    marks = [attribute(8, struct.pack(">I", number)) for number in range(6)]
    shapes = [entry(mark) if at % 2 else entry(mark, attribute(18, b"\0\5")) for at, mark in enumerate(marks)]
    assert decoded(b"".join(shapes)).frame()["mark"].to_list() == list(range(6))


def test_done_and_errors_end_a_dump() -> None:
    done = decoded(entry() + message(NLMSG_DONE, 2, SEQUENCE, struct.pack("=i", 0)))
    assert (done.frame().height, done.ended, done.error) == (1, 1, 0)
    refused = decoded(message(NLMSG_ERROR, 0, SEQUENCE, struct.pack("=i", -1) + bytes(16)))
    assert (refused.ended, refused.error) == (1, 1)
    assert not decoded(entry()).ended

"""Decoding tcp_info: a recorded answer beside what ss(8) said of the same sockets, and any bytes."""

from __future__ import annotations

import struct
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.tcp_sockets import SCHEMA
from halftrack.kernel import tcp_sockets

RECORDED = (Path(__file__).parent.parent / "fixtures/netlink/tcp-sockets.bin").read_bytes()
SEQUENCE = 1_769_911_422
NLA_HEADER = struct.Struct("=HH")


def first_message(information: bytes | None, *before: tuple[int, bytes]) -> bytes:
    """The recorded listener's message with other attributes."""
    attributes = b"".join(
        NLA_HEADER.pack(4 + len(raw), kind) + raw + bytes(-len(raw) % 4)
        for kind, raw in (*before, *([(2, information)] if information is not None else []))
    )
    body = RECORDED[16:88] + attributes
    return struct.pack("=IHHII", 16 + len(body), 20, 2, SEQUENCE, 0) + body


def test_the_same_as_ss() -> None:
    """``ss -tinHa`` in the same moment: a listener with one of four waiting, three connections."""
    frame = tcp_sockets.decode(RECORDED, SEQUENCE)
    assert frame.schema == SCHEMA
    shown = frame.select(
        "state", "local_port", "remote_port", "rqueue", "wqueue",
        "rtt_us", "rttvar_us", "min_rtt_us", "bytes_sent", "segs_out", "snd_wnd",
    ).rows()  # fmt: skip
    assert shown == [
        (10, 8080, 0, 1, 4, 0, 0, 0, 0, 0, 0),
        (1, 57580, 8080, 0, 0, 28, 15, 9, 3000, 3, 100352),
        (1, 57590, 8080, 0, 0, 34, 13, 34, 6000, 3, 109568),
        (1, 57600, 8080, 0, 0, 34, 17, 34, 0, 2, 65483),
        (1, 8080, 57600, 0, 0, 22, 11, 22, 0, 0, 65536),
        (1, 8080, 57580, 3000, 0, 21, 10, 21, 0, 1, 65536),
        (1, 8080, 57590, 6000, 0, 23, 11, 23, 0, 1, 65536),
    ]
    assert frame["rto_us"].to_list()[1:] == [204_000] * 6


def test_an_old_kernel_tells_less() -> None:
    """2.6.32's struct ends behind total_retrans: what comes later is not known, not zero."""
    old = bytearray(104)
    struct.pack_into("=I", old, 68, 250_000)
    struct.pack_into("=I", old, 100, 7)
    frame = tcp_sockets.decode(first_message(bytes(old)), SEQUENCE)
    row = frame.row(0, named=True)
    assert (row["rtt_us"], row["total_retrans"]) == (250_000, 7)
    assert row["segs_out"] is row["bytes_sent"] is row["min_rtt_us"] is None


def test_other_attributes_may_stand_before_it() -> None:
    information = bytearray(280)
    struct.pack_into("=Q", information, 208, 1 << 40)
    raw = first_message(bytes(information), (8, b"\1"), (21, bytes(8))) + first_message(None)
    assert tcp_sockets.decode(raw, SEQUENCE)["bytes_retrans"].to_list() == [1 << 40, None]


@given(
    st.lists(st.tuples(st.integers(0, len(RECORDED) - 1), st.integers(0, 255)), max_size=12),
    st.integers(0, len(RECORDED)),
)
def test_any_bytes_give_rows(changes: list[tuple[int, int]], length: int) -> None:
    """Damaged and cut answers never raise and never give more sockets than there is room for."""
    raw = bytearray(RECORDED)
    for place, value in changes:
        raw[place] = value
    frame = tcp_sockets.decode(bytes(raw[:length]), SEQUENCE)
    assert frame.height <= length // 88
    assert frame.schema == SCHEMA

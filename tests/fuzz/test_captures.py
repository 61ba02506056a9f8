"""The reader of captures under bytes that no tool would write."""

from __future__ import annotations

import struct
import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.mutations import examples, mutated
from halftrack.errors import UnreadableInput
from unit.captures import (
    block,
    enhanced,
    ethernet,
    icmp,
    interface,
    ip4,
    ip6,
    option,
    pcap,
    read,
    section,
    tcp,
    udp,
)

_BODY = udp(payload=bytes(100))
FRAMES = [
    ethernet(ip4(tcp(options=b"\x02\x04\x05\xb4\x01\x03\x03\x07"))),
    ethernet(ip4(tcp(443, 40_000, flags=0x12, options=b"\x01\x01\x05\x0a" + bytes(8)))),
    ethernet(
        b"\x00\x07\x86\xdd" + ip6(bytes([60, 0]) + bytes(6) + bytes([17, 0]) + bytes(6) + udp(), 0), 0x8100
    ),
    ethernet(ip4(_BODY[:64], 17, fragment=0x2000)),
    ethernet(ip4(_BODY[64:], 17, fragment=8)),
    ethernet(ip6(struct.pack("!BBHI", 17, 0, 1, 9) + _BODY[:64], 44), 0x86DD),
    ethernet(ip6(struct.pack("!BBHI", 17, 0, 64, 9) + _BODY[64:], 44), 0x86DD),
    ethernet(ip4(icmp(3, payload=ip4(tcp())), 1)),
    ethernet(struct.pack("!II", 16 << 12, 17 << 12 | 0x100) + ip4(icmp(8), 1), 0x8847),
    ethernet(struct.pack("!BBHHH", 0x11, 0, 1, 42, 0x0021) + ip4(tcp()), 0x8864),
]
_NFLOG = b"\x02\0\0\0" + struct.pack("<HH", 44, 9) + ip4(tcp())
CLASSIC = pcap(FRAMES)
BLOCKS = b"".join(
    [
        section(),
        interface(1, option(9, b"\x09") + option(14, struct.pack("<q", 5)) + option(0, b"")),
        *(enhanced(frame) for frame in FRAMES),
        interface(239),
        enhanced(_NFLOG, at=1),
        block(4, b"names"),
        block(3, struct.pack("<I", 40) + ip4(tcp())),
        section(">"),
        interface(101, order=">"),
        enhanced(ip4(tcp()), order=">"),
    ]
)


def _survives(data: bytes) -> int:
    """Rows of a capture, whatever it is."""
    try:
        rows, tally = read(data)
    except UnreadableInput:
        return 0
    assert tally.whole or tally.notes
    assert rows["number"].is_sorted()
    return len(rows)


def test_the_corpus_is_read_whole() -> None:
    assert _survives(CLASSIC) == 8
    assert _survives(BLOCKS) == 10


@examples
@given(mutated(CLASSIC))
def test_changed_classic_captures(data: bytes) -> None:
    assert _survives(data) <= len(data) // 16


@examples
@given(mutated(BLOCKS))
def test_changed_blocks(data: bytes) -> None:
    assert _survives(data) <= len(data) // 32


@examples
@given(st.binary(max_size=2048), st.sampled_from([0, 1, 9, 50, 51, 101, 113, 219, 228, 229, 239, 276]))
def test_any_packet_of_any_link(packet: bytes, link: int) -> None:
    assert _survives(pcap([packet, packet], link)) <= 2


@examples
@given(
    st.binary(max_size=2048), st.sampled_from([b"\x4d\x3c\x2b\x1a", b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a"])
)
def test_any_bytes_behind_a_magic(data: bytes, magic: bytes) -> None:
    _survives(magic + data)


@examples
@given(st.sampled_from([CLASSIC, BLOCKS]), st.data())
def test_a_cut_capture_loses_only_its_end(whole: bytes, data: st.DataObject) -> None:
    length = data.draw(st.integers(24, len(whole)))
    assert _survives(whole[:length]) <= _survives(whole)


_BOMBS: dict[str, Callable[[], bytes]] = {
    "no bytes at all": lambda: CLASSIC[:24] + struct.pack("<IIII", 1, 0, 0, 0) * 100_000,
    "a packet of four gigabytes": lambda: (
        CLASSIC[:24] + struct.pack("<IIII", 1, 0, 2**32 - 1, 9) + bytes(999_999)
    ),
    "options without end": lambda: section() + interface(1, option(2, b"") * 100_000) + enhanced(FRAMES[0]),
    "options of no length": lambda: section() + interface(1, bytes(4) * 100_000) + enhanced(FRAMES[0]),
    "options that say too much": lambda: section() + interface(1, b"\2\0\xff\xff") + enhanced(FRAMES[0]),
    "interfaces without end": lambda: section() + interface() * 100_000 + enhanced(FRAMES[0], at=99_999),
    "sections without end": lambda: (section() + interface() + section(">")) * 10_000 + enhanced(FRAMES[0]),
    "a packet a section": lambda: (section() + interface() + enhanced(FRAMES[0])) * 10_000,
    "options of packets": lambda: (
        section() + interface() + enhanced(FRAMES[0], options=option(1, bytes(60_000)) * 100)
    ),
    "a block of four gigabytes": lambda: section() + struct.pack("<II", 6, 2**32 - 4) + bytes(999_999),
    "a block of nothing": lambda: section() + bytes(64),
    "headers without end": lambda: pcap([ip6((bytes([60, 0]) + bytes(6)) * 8_000, 60)] * 20, 229),
    "fragments without end": lambda: pcap(
        [ip4(bytes(8), 17, ident=number, fragment=0x2001) for number in range(20_000)] * 2, 228
    ),
}


@pytest.mark.parametrize("name", _BOMBS)
def test_bombs_take_no_more_memory_than_their_blocks(name: str) -> None:
    bomb = _BOMBS[name]()
    tracemalloc.start()
    try:
        _survives(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 160 << 20

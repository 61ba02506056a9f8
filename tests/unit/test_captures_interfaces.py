"""Interfaces of pcapng files: their links, clocks, names and losses; sections, and which way packets went."""

from __future__ import annotations

import struct

import pytest

from halftrack.errors import UsageError
from halftrack.evidence import packets
from unit.captures import (
    block,
    enhanced,
    ethernet,
    interface,
    ip4,
    option,
    pcap,
    read,
    section,
    tcp,
)

SYN = ethernet(ip4(tcp()))
ANSWER = ethernet(ip4(tcp(443, 40_000, flags=0x12, seq=9, ack=1001)))


@pytest.mark.parametrize(
    ("resolution", "ticks", "expected_ns"),
    [
        (0, 1_700_000_000, 1_700_000_000_000_000_000),
        (3, 1_700_000_000_123, 1_700_000_000_123_000_000),
        (6, 1_700_000_000_123_456, 1_700_000_000_123_456_000),
        (9, 1_700_000_000_123_456_789, 1_700_000_000_123_456_789),
        (12, 1_000_123_456_789_999, 1_000_123_456_789),
        (18, 5_500_000_000_000_000_000, 5_500_000_000),
        (0x80 | 0, 1_700_000_000, 1_700_000_000_000_000_000),
        (0x80 | 10, 1_700_000_000 << 10 | 512, 1_700_000_000_500_000_000),
        (0x80 | 32, 1_700_000_000 << 32 | 1 << 31, 1_700_000_000_500_000_000),
        (0x80 | 40, 5 << 40 | 1 << 39, 5_500_000_000),
        (0x80 | 62, 3 << 62 | 1 << 60, 3_250_000_000),
    ],
)
def test_clocks_of_any_resolution(resolution: int, ticks: int, expected_ns: int) -> None:
    described = interface(options=option(9, bytes([resolution])))
    rows, _ = read(section() + described + enhanced(SYN, ticks))
    assert rows["at_ns"].to_list() == [expected_ns]


@pytest.mark.parametrize("resolution", [19, 127, 0x80 | 63, 255])
def test_a_clock_too_fine_to_reckon_with_gives_no_time(resolution: int) -> None:
    described = interface(options=option(9, bytes([resolution])))
    rows, tally = read(section() + described + enhanced(SYN, 1 << 60))
    assert not len(rows)
    assert tally.skipped == {packets.NO_TIME: 1}


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_offset_is_added_and_options_before_it_are_stepped_over(order: str) -> None:
    options = (
        option(2, b"eth0", order) + option(14, struct.pack(order + "q", -3600), order) + option(0, b"", order)
    )
    rows, _ = read(
        section(order) + interface(options=options, order=order) + enhanced(SYN, 7_200_000_000, order=order)
    )
    assert rows["at_ns"].to_list() == [3600 * 10**9]


@pytest.mark.parametrize("offset", [1 << 62, -(1 << 63), 9_100_000_000])
def test_a_time_beyond_all_counting_is_none(offset: int) -> None:
    described = interface(options=option(14, struct.pack("<q", offset)))
    _, tally = read(section() + described + enhanced(SYN))
    assert tally.skipped == {packets.NO_TIME: 1}


def test_interfaces_have_their_own_links_and_clocks() -> None:
    rows, tally = read(
        section()
        + interface(1)
        + enhanced(SYN, 10)
        + interface(101, option(9, b"\x09"))
        + enhanced(ip4(tcp(1, 2)), 10, at=1)
        + enhanced(SYN, 20)
        + enhanced(SYN, 20, at=2)
    )
    assert rows.select("number", "at_ns", "interface", "sport").rows() == [
        (1, 10_000, 0, 40_000),
        (2, 10, 1, 1),
        (3, 20_000, 0, 40_000),
    ]
    assert tally.skipped == {packets.LINK_UNKNOWN: 1}
    assert (tally.backwards, tally.backwards_ns) == (1, 9_990)


def test_sections_begin_anew_and_may_be_of_the_other_order() -> None:
    rows, tally = read(
        section("<")
        + interface(1)
        + enhanced(SYN, 1)
        + section(">")
        + enhanced(SYN, 2, order=">")
        + interface(101, order=">")
        + enhanced(ip4(tcp(1, 2)), 3, order=">")
        + section("<")
        + interface(113)
        + interface(1)
        + enhanced(SYN, 4, at=1)
    )
    assert rows.select("number", "at_ns", "interface").rows() == [(1, 1000, 0), (3, 3000, 0), (4, 4000, 1)]
    assert tally.skipped == {packets.LINK_UNKNOWN: 1}


@pytest.mark.parametrize("order", ["<", ">"])
def test_options_of_a_packet_tell_which_way_it_went(order: str) -> None:
    def packet(*options: bytes) -> bytes:
        return enhanced(SYN[:-1], order=order, options=b"".join(options))

    def flags(number: int) -> bytes:
        return option(2, struct.pack(order + "I", number), order)

    comment, end = option(1, b"hello", order), option(0, b"", order)
    rows, _ = read(
        section(order)
        + interface(order=order)
        + packet(flags(1), end)
        + packet(comment, flags(2))
        + packet()
        + packet(flags(0), end)
        + packet(end, flags(1))
        + packet(*[comment] * 8, flags(1))
        + packet(struct.pack(order + "HH", 1, 65_535))
    )
    assert rows["outgoing"].to_list() == [False, True, None, None, None, None, None]


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_was_lost_is_told_by_the_last_statistics(order: str) -> None:
    def statistics(number: int, *dropped: int) -> bytes:
        told = [
            option(code, struct.pack(order + "Q", count), order)
            for code, count in zip((5, 7), dropped, strict=False)
        ]
        body = struct.pack(order + "III", number, 0, 0) + option(4, bytes(8), order) + b"".join(told)
        return block(5, body + option(0, b"", order), order)

    one = section(order) + interface(order=order) + interface(order=order) + enhanced(SYN, order=order)
    rows, tally = read(
        one + statistics(0, 1, 1) + statistics(0, 1000, 200) + statistics(1, 34) + statistics(2, 9)
    )
    assert len(rows) == 1
    assert tally.lost == 1234
    assert tally.whole
    assert tally.notes == ["1,234 packets were lost as stdin was captured."]
    _, tally = read((one + statistics(0, 5)) * 2 + one)
    assert tally.lost == 10


def _two_interfaces() -> bytes:
    first = section() + interface(1, option(2, b"eth0")) + interface(1, option(2, b"eth1"))
    second = section(">") + interface(1, option(2, b"eth1", ">"), ">")
    third = section() + interface(9999, option(2, b"eth1"))
    return b"".join(
        [
            first + enhanced(SYN) + enhanced(ANSWER, at=1) + enhanced(SYN, at=5),
            second + enhanced(ANSWER, order=">"),
            third + enhanced(SYN),
        ]
    )


@pytest.mark.parametrize(
    ("wanted", "numbers", "skipped"),
    [
        ("eth0", [1], {packets.OTHER_INTERFACE: 4}),
        ("eth1", [2, 4], {packets.OTHER_INTERFACE: 2, packets.LINK_UNKNOWN: 1}),
        ("0", [1, 4], {packets.OTHER_INTERFACE: 2, packets.LINK_UNKNOWN: 1}),
        ("1", [2], {packets.OTHER_INTERFACE: 4}),
    ],
)
def test_one_interface_alone(wanted: str, numbers: list[int], skipped: dict[str, int]) -> None:
    rows, tally = read(_two_interfaces(), wanted)
    assert rows["number"].to_list() == numbers
    assert tally.skipped == skipped


@pytest.mark.parametrize(
    ("data", "there"),
    [
        (_two_interfaces(), "it has 0, 1, eth0, eth1"),
        (pcap([SYN]), "it has no"),
        (section() + interface(1, option(2, b"\x1b[2J")) + enhanced(SYN), r"it has 0, \\x1b\[2J"),
    ],
)
def test_an_interface_that_is_not_there_is_told_from_those_that_are(data: bytes, there: str) -> None:
    with pytest.raises(UsageError, match=there):
        read(data, "eth7")

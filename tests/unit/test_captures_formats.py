"""Files of both formats, in either order of bytes, as packets with their times and interfaces."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import time
from pathlib import Path

import polars as pl
import pytest
import zstandard

from halftrack.errors import UnreadableInput, UsageError
from halftrack.evidence import packets
from halftrack.formats import pcap as captures
from unit.captures import (
    NOON_NS,
    block,
    enhanced,
    ethernet,
    interface,
    ip4,
    option,
    pcap,
    pcapng,
    read,
    section,
    tcp,
)

SYN = ethernet(ip4(tcp()))
ANSWER = ethernet(ip4(tcp(443, 40_000, flags=0x12, seq=9, ack=1001)))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("nanoseconds", [False, True])
def test_classic_captures_of_either_order_and_clock(order: str, nanoseconds: bool) -> None:
    rows, tally = read(pcap([SYN, ANSWER], order=order, nanoseconds=nanoseconds))
    assert rows["number"].to_list() == [1, 2]
    assert rows["at_ns"].to_list() == [NOON_NS if nanoseconds else NOON_NS // 1000 * 1000] * 2
    assert rows["interface"].to_list() == [None, None]
    assert rows["sport"].to_list() == [40_000, 443]
    assert tally.whole
    assert not tally.notes


def test_modified_captures_have_longer_headers_and_interfaces() -> None:
    head = struct.pack("<IHHiIII", 0xA1B2CD34, 2, 4, 0, 0, 65_535, 1)
    record = struct.pack("<IIIIIHBB", 100, 5, len(SYN), len(SYN), 7, 0x0800, 0, 0) + SYN
    sent = struct.pack("<IIIIIHBB", 100, 5, len(SYN), len(SYN), 7, 0x0800, 4, 0) + SYN
    rows, _ = read(head + record + sent)
    assert rows["outgoing"].to_list() == [False, True]
    assert rows["at_ns"].to_list() == [100_000_005_000] * 2
    assert rows["interface"].to_list() == [7, 7]


@pytest.mark.parametrize("order", ["<", ">"])
def test_blocks_of_either_order(order: str) -> None:
    rows, tally = read(pcapng([SYN, ANSWER], order=order))
    assert rows["at_ns"].to_list() == [NOON_NS // 1000 * 1000] * 2
    assert rows["interface"].to_list() == [0, 0]
    assert rows["flags"].to_list() == [0x02, 0x12]
    assert tally.whole


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


def test_packets_without_a_time_are_counted_and_old_blocks_are_read() -> None:
    simple = block(3, struct.pack("<I", len(SYN)) + SYN)
    old = block(2, struct.pack("<HHIIII", 0, 9, 0, 77, len(SYN), len(SYN)) + SYN)
    rows, tally = read(section() + interface() + simple + old)
    assert rows.select("number", "at_ns").rows() == [(2, 77_000)]
    assert tally.skipped == {packets.NO_TIME: 1}


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


def test_blocks_without_packets_are_passed_over() -> None:
    secrets = block(10, bytes(20_000_000))
    rows, tally = read(
        section() + block(4, b"names") + interface() + enhanced(SYN) + secrets + enhanced(ANSWER)
    )
    assert rows["number"].to_list() == [1, 2]
    assert tally.whole


@pytest.mark.parametrize(
    "pack",
    [gzip.compress, bz2.compress, lzma.compress, zstandard.compress, lambda data: data],
    ids=["gzip", "bzip2", "xz", "zstd", "plain"],
)
def test_packed_files(tmp_path: Path, pack: object) -> None:
    assert callable(pack)
    path = tmp_path / "capture"
    path.write_bytes(pack(pcap([SYN, ANSWER])))
    capture = captures.capture(str(path))
    assert sum(len(frame) for frame in capture.frames()) == 2
    assert capture.name == str(path)


def test_a_packed_file_that_is_cut_is_read_up_to_there(tmp_path: Path) -> None:
    path = tmp_path / "cut.pcap.gz"
    # Stored, so that what is cut off is the end.
    path.write_bytes(gzip.compress(pcap([SYN] * 1000), 0)[:-3000])
    capture = captures.capture(str(path))
    rows = sum(len(frame) for frame in capture.frames())
    assert 900 < rows < 1000
    assert not capture.tally.whole
    assert f"{path} ends in the middle of its packed data." in capture.tally.notes


def test_no_more_is_read_once_the_time_is_up(tmp_path: Path) -> None:
    path = tmp_path / "long.pcap"
    path.write_bytes(pcap([SYN] * 200_000))
    capture = captures.capture(str(path), deadline=time.monotonic())
    assert sum(len(frame) for frame in capture.frames()) < 200_000
    assert not capture.tally.whole
    assert capture.tally.notes


def test_times_that_go_backwards_are_told_and_the_order_is_kept() -> None:
    rows, tally = read(pcap([SYN] * 4, at_ns=[5_000_000, 9_000_000, 2_000_000, 8_000_000]))
    assert rows["at_ns"].to_list() == [5_000_000, 9_000_000, 2_000_000, 8_000_000]
    assert (tally.backwards, tally.backwards_ns) == (2, 7_000_000)
    assert (tally.first_ns, tally.last_ns) == (2_000_000, 9_000_000)


@pytest.mark.parametrize("data", [b"", b"\xd4\xc3", b"tcp 6 10 ESTABLISHED", b"\0" * 100])
def test_what_is_no_capture_is_said_to_be_none(data: bytes) -> None:
    with pytest.raises(UnreadableInput):
        read(data)


def test_a_file_that_is_not_there_is_one_clear_error() -> None:
    with pytest.raises(UnreadableInput, match="cannot be read"):
        list(captures.capture("/nowhere/at.pcap").frames())


@pytest.mark.parametrize("data", [pcap([SYN] * 3), pcapng([SYN] * 3)], ids=["pcap", "pcapng"])
def test_a_file_that_ends_early_is_read_up_to_there(data: bytes) -> None:
    rows, tally = read(data[:-1])
    assert len(rows) == 2
    assert not tally.whole
    assert tally.notes == ["stdin ends in the middle of what follows packet 2."]


def test_many_blocks_of_bytes_give_what_one_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    data = pcapng([SYN, ANSWER] * 500) + pcapng([ANSWER] * 100, order=">")
    whole, _ = read(data)
    monkeypatch.setattr("halftrack.formats.pcap.reading._BLOCK", 1)
    monkeypatch.setattr("halftrack.formats.sources._CHUNK", 997)
    parts, tally = read(data)
    assert parts.equals(whole)
    assert tally.packets == len(whole) == 1100
    assert isinstance(whole, pl.DataFrame)

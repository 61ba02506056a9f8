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

from halftrack.errors import UnreadableInput
from halftrack.evidence import packets
from halftrack.formats import pcap as captures
from unit.captures import (
    NOON_NS,
    block,
    enhanced,
    ethernet,
    interface,
    ip4,
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


def test_packets_without_a_time_are_counted_and_old_blocks_are_read() -> None:
    simple = block(3, struct.pack("<I", len(SYN)) + SYN)
    old = block(2, struct.pack("<HHIIII", 0, 9, 0, 77, len(SYN), len(SYN)) + SYN)
    rows, tally = read(section() + interface() + simple + old)
    assert rows.select("number", "at_ns").rows() == [(2, 77_000)]
    assert tally.skipped == {packets.NO_TIME: 1}


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

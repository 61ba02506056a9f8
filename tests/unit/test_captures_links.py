"""Every link layer that is read leads to the same packet."""

from __future__ import annotations

import struct

import pytest

from halftrack.evidence import packets
from halftrack.evidence.uapi import AF_INET, AF_INET6
from unit.captures import ethernet, ip4, ip6, pcap, pcapng, read, tcp

FOUR, SIX = ip4(tcp()), ip6(tcp())


def _vlan(payload: bytes, ethertype: int, outer: int = 0x8100) -> bytes:
    return struct.pack("!HH", 100, ethertype) + payload if outer else payload


def _attribute(kind: int, value: bytes, order: str) -> bytes:
    return struct.pack(order + "HH", 4 + len(value), kind) + value + bytes(-len(value) % 4)


def _nflog(family: int, packet: bytes, order: str) -> bytes:
    prefix = _attribute(10, b"dropped: \0", order)
    return bytes([family, 0, 0, 1]) + prefix + _attribute(9, packet, order) + _attribute(5, bytes(4), order)


def _label(*, bottom: bool) -> bytes:
    return struct.pack("!I", 16 << 12 | bottom << 8 | 64)


_CASES = {
    "null-little": (0, struct.pack("<I", 2) + FOUR),
    "null-big": (0, struct.pack(">I", 2) + FOUR),
    "null-linux-v6": (0, struct.pack("<I", 10) + SIX),
    "null-mac-v6": (0, struct.pack("<I", 30) + SIX),
    "loop": (108, struct.pack(">I", 24) + SIX),
    "ethernet": (1, ethernet(FOUR)),
    "ethernet-v6": (1, ethernet(SIX, 0x86DD)),
    "ethernet-padded": (1, ethernet(FOUR) + bytes(6)),
    "vlan": (1, ethernet(_vlan(FOUR, 0x0800), 0x8100)),
    "qinq": (1, ethernet(_vlan(_vlan(SIX, 0x86DD), 0x8100), 0x88A8)),
    "snap": (1, ethernet(b"\xaa\xaa\x03\0\0\0\x08\0" + FOUR, 8 + len(FOUR))),
    "mpls": (1, ethernet(_label(bottom=False) + _label(bottom=True) + SIX, 0x8847)),
    "pppoe": (1, ethernet(struct.pack("!BBHHH", 0x11, 0, 1, 2 + len(FOUR), 0x0021) + FOUR, 0x8864)),
    "vlan-pppoe": (
        1,
        ethernet(_vlan(struct.pack("!BBHHH", 0x11, 0, 1, 2 + len(SIX), 0x0057) + SIX, 0x8864), 0x8100),
    ),
    "ppp": (9, b"\xff\x03\x00\x21" + FOUR),
    "ppp-bare": (9, b"\x00\x57" + SIX),
    "ppp-short": (9, b"\xff\x03\x21" + FOUR),
    "ppp-mpls": (9, b"\x02\x81" + _label(bottom=True) + FOUR),
    "raw-bsd": (12, FOUR),
    "raw-openbsd": (14, SIX),
    "hdlc-ppp": (50, b"\xff\x03\x00\x21" + FOUR),
    "hdlc-cisco": (50, b"\x0f\x00\x08\x00" + FOUR),
    "pppoe-alone": (51, struct.pack("!BBHHH", 0x11, 0, 1, 2 + len(FOUR), 0x0021) + FOUR),
    "raw": (101, FOUR),
    "raw-v6": (101, SIX),
    "cisco": (104, b"\x0f\x00\x86\xdd" + SIX),
    "cooked": (113, struct.pack("!HHH8sH", 4, 1, 6, bytes(8), 0x0800) + FOUR),
    "cooked-vlan": (113, struct.pack("!HHH8sH", 4, 1, 6, bytes(8), 0x8100) + _vlan(SIX, 0x86DD)),
    "mpls-alone": (219, _label(bottom=True) + FOUR),
    "ipv4": (228, FOUR),
    "ipv6": (229, SIX),
    "nflog-little": (239, _nflog(2, FOUR, "<")),
    "nflog-big": (239, _nflog(10, SIX, ">")),
    "cooked-2": (276, struct.pack("!HHIHBB8s", 0x86DD, 0, 7, 1, 4, 6, bytes(8)) + SIX),
}


@pytest.mark.parametrize("name", _CASES)
def test_the_packet_is_found(name: str) -> None:
    link, frame = _CASES[name]
    six = SIX in frame
    for data in (pcap([frame] * 2, link), pcapng([frame] * 2, link, ">")):
        rows, tally = read(data)
        assert not tally.skipped
        assert (
            rows.select("family", "l4proto", "sport", "dport", "seq", "size").rows()
            == [(AF_INET6 if six else AF_INET, 6, 40_000, 443, 1000, 60 if six else 40)] * 2
        )


@pytest.mark.parametrize("name", _CASES)
def test_a_link_layer_that_was_captured_in_part_is_counted(name: str) -> None:
    link, frame = _CASES[name]
    begins = max(frame.find(FOUR), frame.find(SIX))
    for length in range(begins + 1):
        rows, tally = read(pcap([frame[:length] + FOUR * 0, frame], link))
        assert rows["number"].to_list() == [2]
        assert sum(tally.skipped.values()) == 1


@pytest.mark.parametrize(
    ("link", "frame"),
    [
        (1, ethernet(bytes(28), 0x0806)),
        (1, ethernet(b"\x42\x42\x03" + bytes(35), 38)),
        (1, ethernet(_label(bottom=True) + bytes(60), 0x8847)),
        (0, struct.pack("<I", 7) + FOUR),
        (9, b"\xff\x03\xc0\x21" + bytes(20)),
        (101, b"\x00" + bytes(40)),
        (113, struct.pack("!HHH8sH", 4, 824, 6, bytes(8), 0) + FOUR),
        (239, _nflog(7, FOUR, "<")),
    ],
)
def test_what_is_no_ip_is_counted(link: int, frame: bytes) -> None:
    assert read(pcap([frame], link))[1].skipped == {packets.NOT_IP: 1}


@pytest.mark.parametrize("link", [2, 105, 127, 147, 220, 65_535, 0x03FF_FFFF])
def test_other_links_are_counted(link: int) -> None:
    assert read(pcap([FOUR], link))[1].skipped == {packets.LINK_UNKNOWN: 1}


def test_how_long_a_checksum_is_does_not_hide_the_link() -> None:
    assert len(read(pcap([ethernet(FOUR)], 1 | 0x5400_0000))[0]) == 1


def test_cooked_headers_tell_the_interface_and_which_way() -> None:
    link, frame = _CASES["cooked-2"]
    rows, _ = read(pcap([frame, frame[:10] + b"\0" + frame[11:], frame[:10] + b"\6" + frame[11:]], link))
    assert rows["interface"].to_list() == [7, 7, 7]
    assert rows["outgoing"].to_list() == [True, False, None]
    link, frame = _CASES["cooked"]
    rows, _ = read(pcap([frame, b"\0\0" + frame[2:]], link))
    assert rows["interface"].to_list() == [None, None]
    assert rows["outgoing"].to_list() == [True, False]


@pytest.mark.parametrize("tags", [16, 17, 400])
def test_no_end_of_tags_is_no_ip(tags: int) -> None:
    rows, tally = read(pcap([ethernet(b"\0\x01\x81\x00" * (tags - 1) + _vlan(FOUR, 0x0800), 0x8100)]))
    assert len(rows) == (tags <= 16)
    assert tally.packets == 1

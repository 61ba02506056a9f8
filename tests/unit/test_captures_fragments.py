"""Fragments are put together as the kernel does it; what never becomes whole is counted."""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import packets
from halftrack.formats.pcap import fragments
from unit.captures import icmp, ip4, ip6, pcap, read, tcp, udp

RAW, MORE = 101, 0x2000
SECOND = 1_000_000_000


def _four(body: bytes, cuts: Sequence[int], *, ident: int = 1, protocol: int = 17) -> list[bytes]:
    """A body behind IPv4 in pieces that begin at 0 and at each cut, which are multiples of eight."""
    edges = [0, *cuts, len(body)]
    return [
        ip4(body[a:b], protocol, ident=ident, fragment=a // 8 | (MORE if b < len(body) else 0))
        for a, b in itertools.pairwise(edges)
    ]


def _six(
    body: bytes, cuts: Sequence[int], *, ident: int = 1, kind: int = 17, before: bytes = b""
) -> list[bytes]:
    """The same behind IPv6; ``before``: a hop-by-hop header of eight bytes or nothing."""
    edges = [0, *cuts, len(body)]
    return [
        ip6(
            (b"\x2c" + before[1:] if before else b"")
            + struct.pack("!BBHI", kind, 0, a | (b < len(body)), ident)
            + body[a:b],
            0 if before else 44,
        )
        for a, b in itertools.pairwise(edges)
    ]


BODY = udp(payload=bytes(range(200)))


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_datagram_is_one_row_at_its_last_fragment(order: tuple[int, ...]) -> None:
    for pieces, size in ((_four(BODY, [64, 128]), 228), (_six(BODY, [64, 128]), 248)):
        frames = [pieces[place] for place in order]
        rows, tally = read(pcap([ip4(tcp()), *frames, ip4(tcp())], RAW, at_ns=[1, 2000, 3000, 4000, 5000]))
        assert rows["number"].to_list() == [1, 4, 5]
        row = rows.row(1, named=True)
        assert (row["l4proto"], row["sport"], row["length"], row["size"]) == (17, 5353, 200, size)
        assert row["at_ns"] == 4000
        assert row["broken"] is False
        assert tally.skipped == {packets.HELD: 2}
        assert tally.reassembled == 1


@given(
    body=st.binary(min_size=1, max_size=600),
    cuts=st.sets(st.integers(1, 70)),
    six=st.booleans(),
    twice=st.booleans(),
    seed=st.integers(0, 1000),
)
def test_any_cuts_in_any_order_are_the_uncut_packet(
    body: bytes, cuts: set[int], six: bool, twice: bool, seed: int
) -> None:
    datagram = udp(payload=body)
    edges = sorted(8 * cut for cut in cuts if 8 * cut < len(datagram))
    pieces = (_six if six else _four)(datagram, edges)
    last, *rest = random.Random(seed).sample(pieces, len(pieces))  # noqa: S311  # a shuffle
    repeated = rest * 2 if twice else rest
    whole, _ = read(pcap([ip6(datagram, 17) if six else ip4(datagram, 17)], RAW))
    rows, tally = read(pcap([*repeated, last], RAW))
    assert rows.drop("number").equals(whole.drop("number"))
    assert tally.skipped.get(packets.HELD, 0) == len(repeated)


def test_a_header_may_lie_in_several_fragments() -> None:
    segment = tcp(options=b"\x02\x04\x05\xb4\x03\x03\x07\x00", payload=b"hello")
    whole, _ = read(pcap([ip4(segment)], RAW))
    rows, _ = read(pcap(_four(segment, [8, 16, 24, 32], protocol=6), RAW))
    assert rows.drop("number").equals(whole.drop("number"))


def test_extension_headers_before_and_behind() -> None:
    behind = bytes([17, 0]) + bytes(6)
    pieces = _six(behind + BODY, [8, 64], kind=60, before=bytes(8))
    rows, _ = read(pcap(pieces, RAW))
    assert rows.select("l4proto", "sport", "length", "size").rows() == [(17, 5353, 200, 40 + 8 + 8 + 208)]


def test_errors_in_fragments_quote_too() -> None:
    error = icmp(3, payload=ip4(udp(7, 8), 17) + bytes(600))
    rows, _ = read(pcap(_four(error, [16, 256], protocol=1), RAW))
    assert rows["quoted_sport"].to_list() == [7]


def test_datagrams_that_share_only_a_number_are_two() -> None:
    one, other = _four(BODY, [64], ident=5), _four(udp(9, 10, bytes(200)), [64], ident=6)
    far = [ip4(BODY[64:], 17, "192.0.2.99", ident=5, fragment=8)]
    rows, tally = read(pcap([one[0], other[0], *far, other[1], one[1]], RAW))
    assert rows.select("number", "sport").rows() == [(4, 9), (5, 5353)]
    assert tally.skipped == {packets.HELD: 2, packets.FRAGMENT: 1}


def test_a_datagram_that_misses_a_piece_is_counted() -> None:
    _, tally = read(pcap(_four(BODY, [64, 128])[:2], RAW))
    assert tally.skipped == {packets.FRAGMENT: 2}
    _, tally = read(pcap(_four(BODY, [64, 128])[1:], RAW))
    assert tally.skipped == {packets.FRAGMENT: 2}


def test_what_was_captured_of_a_fragment_has_to_reach_the_ports() -> None:
    rows, _ = read(pcap(_four(BODY, [64]), RAW, snap=40))
    assert rows.select("sport", "length").rows() == [(5353, 200)]
    _, tally = read(pcap(_four(BODY, [64]), RAW, snap=22))
    assert tally.skipped == {packets.HELD: 1, packets.CUT: 1}


@pytest.mark.parametrize(("make", "seconds"), [(_four, 30), (_six, 60)])
def test_the_kernel_waits_so_long(make: object, seconds: int) -> None:
    assert callable(make)
    pieces = make(BODY, [64])
    rows, _ = read(pcap(pieces, RAW, at_ns=[SECOND, (1 + seconds) * SECOND]))
    assert len(rows) == 1
    rows, tally = read(pcap(pieces, RAW, at_ns=[SECOND, (2 + seconds) * SECOND]))
    assert not len(rows)
    assert tally.skipped == {packets.FRAGMENT: 2}


@pytest.mark.parametrize("make", [_four, _six])
def test_an_overlap_spoils_the_datagram(make: object) -> None:
    assert callable(make)
    first, _, last = make(BODY, [64, 128])
    _, overlapping, _ = make(BODY, [56, 128])
    rows, tally = read(pcap([first, overlapping, last], RAW))
    assert not len(rows)
    assert tally.skipped == {packets.FRAGMENT: 3}


def test_ends_that_contradict_each_other_spoil_the_datagram() -> None:
    first, last = _four(BODY, [64])
    longer = ip4(bytes(100), 17, fragment=200 // 8)
    _, tally = read(pcap([last, longer, first], RAW))
    assert tally.skipped == {packets.FRAGMENT: 3}
    beyond = ip4(bytes(8), 17, fragment=400 // 8 | MORE)
    _, tally = read(pcap([beyond, last, first], RAW))
    assert tally.skipped == {packets.FRAGMENT: 3}


def test_no_packet_is_longer_than_a_packet_can_be() -> None:
    huge = [ip4(bytes(8), 17, fragment=8190 | MORE), ip4(bytes(100), 17, fragment=8191)]
    assert read(pcap(huge, RAW))[1].skipped == {packets.FRAGMENT: 2}
    body = udp(payload=bytes(65_530 - 8))
    pieces = _four(body, [40_000])
    assert read(pcap(pieces, RAW))[1].skipped == {packets.HELD: 1, packets.FRAGMENT: 1}


def test_uneven_pieces_of_the_middle() -> None:
    uneven = [ip6(struct.pack("!BBHI", 17, 0, 1, 1) + BODY[:63], 44)]
    assert read(pcap(uneven, RAW))[1].skipped == {packets.FRAGMENT: 1}
    trimmed = [ip4(BODY[:67], 17, fragment=MORE), ip4(BODY[64:], 17, fragment=8)]
    assert read(pcap(trimmed, RAW))[0]["length"].to_list() == [200]
    assert read(pcap([ip4(b"", 17, fragment=MORE)], RAW))[1].skipped == {packets.FRAGMENT: 1}


def test_a_fragment_within_fragments_is_not_put_together_again() -> None:
    inner = struct.pack("!BBHI", 17, 0, 1, 2) + BODY
    _, tally = read(pcap(_six(inner, [64], kind=44), RAW))
    assert tally.skipped == {packets.HELD: 1, packets.FRAGMENT: 1}


def test_few_fragments_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fragments, "_MOST_HELD", 10)
    many = [_four(BODY, [64], ident=ident)[0] for ident in range(100)]
    last = _four(BODY, [64], ident=99)[1]
    rows, tally = read(pcap([*many, last, _four(BODY, [64], ident=5)[1]], RAW))
    assert rows["number"].to_list() == [101]
    assert tally.skipped == {packets.HELD: 1, packets.FRAGMENT: 100}

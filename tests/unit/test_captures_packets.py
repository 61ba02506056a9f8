"""What is read of IP and of transports, whole, captured in part and contradictory."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence import addresses, packets, uapi
from unit.captures import (
    CLIENT,
    CLIENT_6,
    SERVER,
    SERVER_6,
    ethernet,
    icmp,
    ip4,
    ip6,
    pcap,
    read,
    tcp,
    udp,
)

RAW = 101
SCALE = b"\x02\x04\x05\xb4\x01\x03\x03\x07"


def _one(packet: bytes, **how: int) -> dict[str, object]:
    rows, tally = read(pcap([packet], RAW, **how))
    assert not tally.skipped
    return rows.row(0, named=True)


def _skipped(packet: bytes, **how: int) -> dict[str, int]:
    return read(pcap([packet], RAW, **how))[1].skipped


def test_a_segment_as_columns() -> None:
    row = _one(ip4(tcp(flags=0x18, seq=2**32 - 1, ack=5, window=65_535, payload=b"hello")))
    assert {name: value for name, value in row.items() if value is not None} == {
        "number": 1,
        "at_ns": 1_700_000_000_123_456_000,
        "family": uapi.AF_INET,
        "l4proto": 6,
        "src_hi": 0,
        "src_lo": addresses.parse(CLIENT)[1],
        "dst_hi": 0,
        "dst_lo": addresses.parse(SERVER)[1],
        "ip_id": 1,
        "size": 45,
        "length": 5,
        "broken": False,
        "sport": 40_000,
        "dport": 443,
        "flags": 0x18,
        "seq": 2**32 - 1,
        "ack": 5,
        "window": 65_535,
        "options": b"",
    }


@given(
    six=st.booleans(),
    source=st.integers(0, 2**128 - 1),
    ports=st.tuples(st.integers(0, 65_535), st.integers(0, 65_535)),
    numbers=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1), st.integers(0, 65_535)),
    flags=st.integers(0, 255),
    options=st.binary(max_size=40).map(lambda some: some[: len(some) & ~3]),
    payload=st.binary(max_size=80),
)
def test_what_is_sent_is_what_is_read(  # noqa: PLR0917  # a segment has that many fields
    six: bool,
    source: int,
    ports: tuple[int, int],
    numbers: tuple[int, int, int],
    flags: int,
    options: bytes,
    payload: bytes,
) -> None:
    seq, ack, window = numbers
    body = tcp(*ports, flags=flags, seq=seq, ack=ack, window=window, options=options, payload=payload)
    if six:
        text = addresses.to_text(source >> 64, source & (1 << 64) - 1)
        row = _one(ip6(body, source_=text))
        assert (row["src_hi"], row["src_lo"]) == (source >> 64, source & (1 << 64) - 1)
        assert (row["dst_hi"], row["dst_lo"]) == addresses.parse(SERVER_6)
    else:
        text = addresses.to_text(0, addresses.V4_MAPPED | source & 0xFFFF_FFFF)
        row = _one(ip4(body, source_=text))
        assert row["src_lo"] == addresses.V4_MAPPED | source & 0xFFFF_FFFF
    assert (row["sport"], row["dport"]) == ports
    assert (row["seq"], row["ack"], row["window"], row["flags"]) == (seq, ack, window, flags)
    alone = len(options) == 12 and options.startswith(b"\x01\x01\x08\x0a")
    assert row["options"] == (options[:4] + bytes(8) if alone else options)
    assert row["length"] == len(payload)
    assert row["size"] == (40 if six else 20) + len(body)


def test_only_values_of_timestamps_that_stand_alone_are_left_out() -> None:
    alone = _one(ip4(tcp(options=b"\x01\x01\x08\x0a12345678")))
    among = _one(ip4(tcp(options=b"\x01\x01\x08\x0a12345678" + SCALE)))
    assert alone["options"] == b"\x01\x01\x08\x0a" + bytes(8)
    assert among["options"] == b"\x01\x01\x08\x0a12345678" + SCALE


def test_options_of_ip_are_stepped_over() -> None:
    row = _one(ip4(tcp(payload=b"x"), options=b"\x94\x04\0\0" * 10))
    assert (row["sport"], row["size"], row["length"]) == (40_000, 81, 1)


@pytest.mark.parametrize("protocol", [uapi.IPPROTO_UDP, uapi.IPPROTO_UDPLITE])
def test_datagrams(protocol: int) -> None:
    row = _one(ip6(udp(payload=b"name?"), protocol))
    assert (row["l4proto"], row["sport"], row["dport"], row["length"]) == (protocol, 5353, 53, 5)
    assert row["broken"] is False
    assert row["flags"] is None
    assert row["options"] is None


@pytest.mark.parametrize(
    ("protocol", "length", "broken"),
    [
        (17, 13, False),
        (17, 12, False),
        (17, 14, True),
        (17, 7, True),
        (17, 0, True),
        (136, 0, False),
        (136, 7, True),
    ],
)
def test_a_datagrams_own_length_has_to_fit(protocol: int, length: int, broken: bool) -> None:
    assert _one(ip4(udp(payload=b"12345", length=length), protocol))["broken"] is broken


@pytest.mark.parametrize("protocol", [uapi.IPPROTO_SCTP, uapi.IPPROTO_DCCP])
def test_other_protocols_with_ports(protocol: int) -> None:
    row = _one(ip4(struct.pack("!HHII", 1, 2, 3, 4) + b"rest", protocol))
    assert (row["sport"], row["dport"], row["length"], row["flags"]) == (1, 2, 4, None)


@pytest.mark.parametrize("protocol", [0, 2, 47, 50, 51, 89, 255])
def test_protocols_without_ports(protocol: int) -> None:
    row = _one(ip4(b"12345678", protocol))
    assert (row["l4proto"], row["sport"], row["length"], row["broken"]) == (protocol, None, 8, False)
    assert _one(ip4(b"", protocol))["size"] == 20


def test_echo_requests() -> None:
    row = _one(ip4(icmp(8, ident=99, payload=bytes(56)), 1))
    assert (row["type"], row["code"], row["icmp_id"], row["length"]) == (8, 0, 99, 56)
    assert _one(ip6(icmp(128, ident=99), 58))["icmp_id"] == 99
    assert row["quoted_l4proto"] is None


def test_errors_quote_a_packet() -> None:
    quote = ip4(tcp(payload=bytes(1000)), options=b"\x01" * 4)[: 24 + 8]
    row = _one(ip4(icmp(3, 1, payload=quote), 1, SERVER, CLIENT))
    assert (row["type"], row["code"]) == (3, 1)
    assert (row["quoted_l4proto"], row["quoted_sport"], row["quoted_dport"]) == (6, 40_000, 443)
    assert row["quoted_src_lo"] == addresses.parse(CLIENT)[1]
    assert row["quoted_dst_lo"] == addresses.parse(SERVER)[1]
    row = _one(ip6(icmp(1, 4, payload=ip6(udp(), 17)), 58))
    assert (row["quoted_l4proto"], row["quoted_sport"], row["quoted_dport"]) == (17, 5353, 53)
    assert (row["quoted_src_hi"], row["quoted_src_lo"]) == addresses.parse(CLIENT_6)


def test_errors_quote_requests_first_fragments_and_anything() -> None:
    row = _one(ip4(icmp(11, payload=ip4(icmp(8, ident=5), 1)), 1))
    assert (row["quoted_l4proto"], row["quoted_type"], row["quoted_icmp_id"]) == (1, 8, 5)
    assert _one(ip4(icmp(11, payload=ip4(udp(), 17, fragment=0x2000)), 1))["quoted_sport"] == 5353
    assert _one(ip4(icmp(11, payload=ip4(b"gre!", 47)), 1))["quoted_l4proto"] == 47


@pytest.mark.parametrize(
    "quote",
    [b"", ip4(tcp())[:19], ip4(tcp())[:23], ip4(udp(), 17, fragment=5), ip4(icmp(8), 1)[:27], ip6(udp(), 17)],
)
def test_a_quote_that_names_no_flow_is_none(quote: bytes) -> None:
    row = _one(ip4(icmp(3, payload=quote), 1))
    assert all(value is None for name, value in row.items() if name.startswith(packets.QUOTED))


def test_quotes_stay_with_their_rows() -> None:
    error = ip4(icmp(3, payload=ip4(udp(7, 8), 17)), 1)
    rows, _ = read(pcap([ip4(tcp()), error, b"\0", ip4(tcp()), error], RAW))
    assert rows.select("number", "quoted_sport").rows() == [(1, None), (2, 7), (4, None), (5, 7)]


_DESTINATION = bytes([17, 1]) + bytes(14)


@pytest.mark.parametrize(
    ("following", "extensions"),
    [
        (0, bytes([17, 0]) + bytes(6)),
        (60, _DESTINATION),
        (43, bytes([60, 0]) + bytes(6) + _DESTINATION),
        (51, bytes([17, 4]) + bytes(22)),
        (0, bytes([43, 0]) + bytes(6) + bytes([60, 0]) + bytes(6) + bytes([17, 0]) + bytes(6)),
    ],
)
def test_extension_headers_are_stepped_over(following: int, extensions: bytes) -> None:
    row = _one(ip6(extensions + udp(payload=b"x"), following))
    assert (row["l4proto"], row["sport"], row["length"]) == (17, 5353, 1)
    assert row["size"] == 40 + len(extensions) + 9


def test_a_fragment_of_one_is_no_fragment() -> None:
    row = _one(ip6(bytes([17, 0, 0, 0, 0, 0, 0, 9]) + udp(), 44))
    assert (row["l4proto"], row["sport"], row["size"]) == (17, 5353, 48)


@pytest.mark.parametrize(
    "packet",
    [
        ip6(b"", 59),
        ip6(bytes([59, 0]) + bytes(6), 0),
        ip6(bytes([17, 200]) + bytes(6), 0),
        ip6(bytes(4), 0, length=4),
        ip6((bytes([60, 0]) + bytes(6)) * 300 + udp(), 60),
    ],
)
def test_no_transport_is_counted(packet: bytes) -> None:
    assert _skipped(packet) == {packets.NO_TRANSPORT: 1}


@pytest.mark.parametrize(
    "packet",
    [
        b"\x44" + ip4(tcp())[1:],
        ip4(tcp(), total=19),
        ip4(b"", options=b"\x01" * 8, total=27),
    ],
)
def test_contradictions_in_ip_are_counted(packet: bytes) -> None:
    assert _skipped(packet) == {packets.MALFORMED: 1}


def test_another_version_than_the_link_says_is_counted() -> None:
    assert read(pcap([ethernet(ip6(tcp())), ethernet(ip4(tcp()), 0x86DD)]))[1].skipped == {
        packets.MALFORMED: 2
    }


@pytest.mark.parametrize(
    "segment",
    [tcp(offset=4), tcp(offset=6), tcp(offset=15, payload=bytes(36)), tcp()[:19], tcp()[:5], b""],
)
def test_a_broken_segment_has_no_numbers(segment: bytes) -> None:
    row = _one(ip4(segment))
    assert row["broken"] is True
    assert (row["flags"], row["seq"], row["options"], row["length"]) == (None, None, None, 0)
    assert row["sport"] == (40_000 if len(segment) >= 4 else None)


def test_bytes_behind_the_packet_are_not_its_own() -> None:
    rows, _ = read(pcap([ethernet(ip4(udp(payload=b"1"), 17)) + bytes(17)]))
    assert rows["length"].to_list() == [1]


def test_a_segment_that_is_yet_to_be_cut_has_the_length_of_its_frame() -> None:
    assert _one(ip4(tcp(payload=bytes(3000)), total=0))["length"] == 3000
    assert _one(ip6(tcp(payload=bytes(70_000)), length=0))["length"] == 70_000
    assert (
        _one(
            ip6(bytes([6, 0, 0xC2, 4]) + struct.pack("!I", 70_028) + tcp(payload=bytes(70_000)), 0, length=0)
        )["length"]
        == 70_000
    )


@pytest.mark.parametrize("snap", range(36, 60))
def test_little_of_a_packet_is_enough(snap: int) -> None:
    rows, tally = read(pcap([ip4(tcp(options=SCALE, payload=bytes(1000)))], RAW, snap=snap))
    assert rows.select("sport", "seq", "window", "length", "size").rows() == [
        (40_000, 1000, 64_240, 1000, 1048)
    ]
    assert rows["options"].to_list() == [SCALE[: max(snap - 40, 0)]]
    assert tally.options_cut == (snap < 48)


@pytest.mark.parametrize("snap", range(1, 36))
def test_too_little_of_a_packet_is_counted(snap: int) -> None:
    assert _skipped(ip4(tcp(payload=bytes(1000))), snap=snap) == {packets.CUT: 1}

"""Real packets, captured as tools do it, are what the kernel's own tracker counted."""

from __future__ import annotations

import socket
import struct
import time
from functools import partial
from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack.evidence import packets, uapi
from halftrack.kernel import ctnetlink, tracking
from halftrack.replaying.copies import Copies
from halftrack.tcp.options import opening
from kernel.capturing import capturing
from kernel.routed import SERVER, SERVER6, routed
from kernel.scratch import scratch_netns
from unit.captures import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.capturing import Taken
    from kernel.scratch import Netns

_TCP, _UDP, _CLOSED = 8080, 8081, 8082
_ASKED, _ANSWERED = 30_000, 200_000
_DATAGRAM = 5000
_FLOW = ["l4proto", "src_hi", "src_lo", "dst_hi", "dst_lo", "sport", "dport"]


@pytest.fixture(scope="module")
def seen() -> Iterator[tuple[Taken, pl.DataFrame]]:
    """What was captured of some talk by IPv4 and IPv6, and the entries that it left."""
    with scratch_netns("capture") as netns:
        netns.call(tracking.begin)
        netns.sysctl("nf_conntrack_acct", 1)
        netns.run("ip", "link", "set", "lo", "mtu", "1500")
        with capturing(netns, "lo") as taken:
            for address in ("127.0.0.1", "::1"):
                _converse(netns, address)
                _send(netns, address, _UDP)
                _refused(netns, address)
            netns.call(_echo)
            time.sleep(0.2)  # the last packets have passed
        yield taken, ctnetlink.dump(netns_path=netns.path).flows.frame


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _converse(netns: Netns, address: str, client: Netns | None = None) -> None:
    listener = netns.call(lambda: socket.create_server((address, _TCP), family=_family(address)))
    connect = partial(socket.create_connection, (address, _TCP), timeout=5)
    with listener, (client or netns).call(connect) as asking:
        served = listener.accept()[0]
        with served:
            asking.sendall(bytes(_ASKED))
            _take(served, _ASKED)
            served.sendall(bytes(_ANSWERED))
            served.shutdown(socket.SHUT_WR)
            _take(asking, _ANSWERED)


def _take(sock: socket.socket, count: int) -> None:
    while count > 0:
        got = len(sock.recv(count))
        assert got
        count -= got


def _send(netns: Netns, address: str, port: int) -> None:
    def open_udp() -> socket.socket:
        return socket.socket(_family(address), socket.SOCK_DGRAM)

    with netns.call(open_udp) as server, netns.call(open_udp) as client:
        server.bind((address, port))
        server.settimeout(5)
        client.sendto(bytes(_DATAGRAM), (address, port))
        assert len(server.recv(1 << 16)) == _DATAGRAM


def _refused(netns: Netns, address: str) -> None:
    with netns.call(lambda: socket.socket(_family(address), socket.SOCK_DGRAM)) as client:
        client.connect((address, _CLOSED))
        client.send(b"anybody?")
        with pytest.raises(ConnectionRefusedError):
            client.recv(1)


def _echo() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        body = struct.pack("!BBHHH", 8, 0, 0, 4711, 1)
        checksum = 0xFFFF - (sum(struct.unpack("!4H", body)) % 0xFFFF)
        sock.sendto(body[:2] + struct.pack("!H", checksum) + body[4:], ("127.0.0.1", 0))


@pytest.mark.parametrize("form", ["pcap", "pcapng"])
def test_packets_and_bytes_are_those_that_the_tracker_counted(
    seen: tuple[Taken, pl.DataFrame], form: str
) -> None:
    taken, entries = seen
    rows, tally = read(taken.pcap() if form == "pcap" else taken.pcapng())
    assert tally.reassembled == 2
    assert set(tally.skipped) <= {packets.HELD}
    assert not rows["broken"].any()
    assert _counted_alike(rows, entries) == 2 * (2 + 1 + 1)


def _counted_alike(rows: pl.DataFrame, entries: pl.DataFrame) -> int:
    """Directions of flows for which the tracker counted as many packets and bytes as were captured: all."""
    counted = rows.group_by(_FLOW).agg(
        packets=pl.len().cast(pl.UInt64), bytes=pl.col("size").sum().cast(pl.UInt64)
    )
    kernels = pl.concat(
        entries.select(
            "l4proto",
            *(pl.col(f"{way}_{stem}").alias(stem) for stem in _FLOW[1:]),
            *(pl.col(f"{way}_{stem}").alias(stem) for stem in ("packets", "bytes")),
        )
        for way in ("orig", "reply")
    ).filter(pl.col("l4proto").is_in([uapi.IPPROTO_TCP, uapi.IPPROTO_UDP]) & (pl.col("packets") > 0))
    both = kernels.join(counted, on=_FLOW, suffix="_captured", nulls_equal=True)
    assert len(both) == len(kernels)
    assert both["packets"].equals(both["packets_captured"])
    assert both["bytes"].equals(both["bytes_captured"])
    return len(both)


def test_what_was_said_is_what_segments_carry(seen: tuple[Taken, pl.DataFrame]) -> None:
    rows, _ = read(seen[0].pcap())
    said = rows.filter(l4proto=uapi.IPPROTO_TCP).group_by("family", asked=pl.col("dport") == _TCP)
    assert sorted(said.agg(pl.col("length").sum()).rows()) == [
        (family, asked, _ASKED if asked else _ANSWERED)
        for family in (uapi.AF_INET, uapi.AF_INET6)
        for asked in (False, True)
    ]


def test_options_are_those_that_the_tracker_took_over(seen: tuple[Taken, pl.DataFrame]) -> None:
    taken, entries = seen
    rows, _ = read(taken.pcap(snap=96))
    syns = rows.filter(pl.col("flags") & 0x02 > 0)
    assert len(syns) == 4
    for syn in syns.iter_rows(named=True):
        way = "orig" if syn["dport"] == _TCP else "reply"
        (entry,) = entries.filter(
            l4proto=uapi.IPPROTO_TCP, family=syn["family"], **{f"{way}_sport": syn["sport"]}
        ).iter_rows(named=True)
        scale, flags = opening(syn["options"])
        assert scale == entry[f"tcp_wscale_{way}"]
        assert flags == entry[f"tcp_flags_{way}"] & 0x03


def test_errors_quote_the_flow_that_they_are_about(seen: tuple[Taken, pl.DataFrame]) -> None:
    rows, _ = read(seen[0].pcap())
    errors = rows.filter(pl.col("quoted_dport") == _CLOSED)
    assert errors.select("family", "type").rows() == [(uapi.AF_INET, 3), (uapi.AF_INET6, 1)]
    asked = rows.filter(dport=_CLOSED)
    assert errors["quoted_sport"].to_list() == asked["sport"].to_list()
    echo = rows.filter(pl.col("icmp_id") == 4711, pl.col("type").is_in([0, 8]))
    assert echo["type"].to_list() == [8, 0]


def test_a_cut_capture_tells_the_same_of_the_headers(seen: tuple[Taken, pl.DataFrame]) -> None:
    whole, _ = read(seen[0].pcap())
    cut, tally = read(seen[0].pcap(snap=134))
    assert cut.equals(whole)
    assert tally.options_cut == 0


def test_times_are_those_of_the_capture(seen: tuple[Taken, pl.DataFrame]) -> None:
    rows, tally = read(seen[0].pcap())
    by_number = dict(enumerate((at_ns for at_ns, _ in seen[0].raw), 1))
    assert rows["at_ns"].to_list() == [by_number[number] for number in rows["number"].to_list()]
    assert tally.backwards == 0


def test_on_its_way_through_a_router_a_packet_counts_once() -> None:
    with routed() as network:
        router = network.router
        for address in (SERVER, SERVER6):
            # Neighbours have to be found first: what waits for them, and is dropped, nobody counts.
            _converse(network.server, address, client=network.client)
        router.call(tracking.begin)
        router.sysctl("nf_conntrack_acct", 1)
        with capturing(router) as taken:
            for address in (SERVER, SERVER6):
                _converse(network.server, address, client=network.client)
                _converse(network.server, address, client=router)
            time.sleep(0.2)  # the last packets have passed
        entries = ctnetlink.dump(netns_path=router.path).flows.frame
        rows, _ = read(taken.pcapng())
        assert rows["interface"].n_unique() == 2
        originals = Copies().originals(rows)
        assert 0 < originals.sum() < len(rows)
        assert _counted_alike(rows.filter(originals), entries) == 2 * 4

"""Entries that the kernel made itself: translated ones, and ones that real packets went through."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

from halftrack.evidence import addresses, uapi
from halftrack.kernel import ctnetlink
from halftrack.kernel.netlink_messages import attribute
from kernel.inject import End, Entries, inject
from kernel.tables import ANSWERED, CLIENT, INNER, SERVER, one_of_everything, there_and_back

if TYPE_CHECKING:
    import polars as pl

    from kernel.scratch import Netns

_NESTED = 0x8000
_CTA_NAT_SRC, _CTA_NAT_DST = 6, 13


def nat(kind: int, address: bytes, port: int) -> bytes:
    """CTA_NAT_SRC or CTA_NAT_DST to exactly one address and port."""
    ports = attribute(1, struct.pack(">H", port)) + attribute(2, struct.pack(">H", port))
    return attribute(
        kind | _NESTED, attribute(1, address) + attribute(2, address) + attribute(3 | _NESTED, ports)
    )


def text(frame: pl.DataFrame, stem: str) -> str:
    return addresses.to_text(frame[f"{stem}_hi"][0], frame[f"{stem}_lo"][0])


def test_translation_shows_in_status_and_in_the_reply(netns: Netns) -> None:
    ends = there_and_back(CLIENT, SERVER, 4001, 80)
    inject(netns.path, Entries(*ends, state=3, status=ANSWERED, extra=(nat(_CTA_NAT_DST, INNER, 8080),)))
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    assert frame["status"][0] & uapi.IPS_NAT_MASK == uapi.IPS_DST_NAT
    assert (text(frame, "orig_dst"), frame["orig_dport"][0]) == ("192.0.2.1", 80)
    assert (text(frame, "reply_src"), frame["reply_sport"][0]) == ("10.88.0.14", 8080)


def test_source_translation_shows_likewise(netns: Netns) -> None:
    ends = End(INNER, SERVER, 4001, 80), End(SERVER, INNER, 80, 4001)
    inject(netns.path, Entries(*ends, state=3, status=ANSWERED, extra=(nat(_CTA_NAT_SRC, CLIENT, 5001),)))
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    assert frame["status"][0] & uapi.IPS_NAT_MASK == uapi.IPS_SRC_NAT
    assert (text(frame, "reply_dst"), frame["reply_dport"][0]) == ("198.51.100.7", 5001)


def test_real_packets_are_counted_per_direction(netns: Netns) -> None:
    for name in ("nf_conntrack_acct", "nf_conntrack_timestamp"):
        netns.sysctl(name, 1)
    netns.run("nft", "add table inet t; add chain inet t c { type filter hook input priority 0; }")
    netns.run("nft", "add rule inet t c ct state new accept")

    def talk() -> int:
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = int(server.getsockname()[1])
            with socket.create_connection(("127.0.0.1", port)) as client:
                answerer, _ = server.accept()
                with answerer:
                    client.sendall(b"x" * 1000)
                    assert answerer.recv(1000, socket.MSG_WAITALL) == b"x" * 1000
                    answerer.sendall(b"y" * 100)
                    assert client.recv(100, socket.MSG_WAITALL) == b"y" * 100
        return port

    port = netns.call(talk)
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame.filter(orig_dport=port)
    found = frame.row(0, named=True)
    assert found["orig_bytes"] > 1000 + 40 * found["orig_packets"] - 1
    assert 100 < found["reply_bytes"] < found["orig_bytes"]
    assert found["status"] & uapi.IPS_SEEN_REPLY
    # A handshake was seen: window scaling is known, nothing is liberal.
    assert found["tcp_flags_orig"] & uapi.IP_CT_TCP_FLAG_WINDOW_SCALE
    assert not found["tcp_flags_orig"] & uapi.IP_CT_TCP_FLAG_BE_LIBERAL
    assert found["tcp_wscale_orig"] > 0
    assert found["start_ns"] > 0


def test_labels_that_a_rule_sets_are_read_by_number(netns: Netns) -> None:
    netns.run("nft", "add table inet t; add chain inet t c { type filter hook output priority 0; }")
    for bit in (5, 100):
        netns.run("nft", f"add rule inet t c ct label set {bit}")

    def ask() -> int:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            client.sendto(b"x", ("127.0.0.1", 9))
            return int(client.getsockname()[1])

    port = netns.call(ask)
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame.filter(orig_sport=port)
    assert frame["labels"].to_list() == ["5,100"]


def test_a_large_table_is_dumped_family_by_family_and_nothing_is_lost(netns: Netns) -> None:
    inject(netns.path, *one_of_everything())
    whole = ctnetlink.dump(netns_path=netns.path)
    parts = ctnetlink.begin(netns_path=netns.path, expected=ctnetlink.LARGE).result()

    assert parts.complete
    assert sorted(parts.flows.frame["id"]) == sorted(whole.flows.frame["id"])
    assert parts.flows.frame["family"].n_unique() == 2

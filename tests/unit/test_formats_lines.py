"""Lines as kernels and conntrack(8) really print them."""

from __future__ import annotations

from typing import Any

import pytest

from halftrack.evidence import uapi
from halftrack.formats.table import parse
from unit.formatted import fixture, read_rows

SEEN, ASSURED, CONFIRMED = uapi.IPS_SEEN_REPLY, uapi.IPS_ASSURED, uapi.IPS_CONFIRMED
OFFLOADED = uapi.IPS_OFFLOAD | uapi.IPS_HW_OFFLOAD


def line(name: str, number: int) -> dict[str, Any]:
    """Entry ``number`` of a fixture, from 0."""
    return read_rows(fixture(name))[number]


def test_every_line_of_proc_is_read() -> None:
    """One TCP entry in full: every column that the line holds, and no other."""
    assert line("conntrack-proc.txt", 0) == {
        "family": 2,
        "l4proto": 6,
        "state": uapi.TCP_CONNTRACK_ESTABLISHED,
        "status": CONFIRMED,
        "timeout": 297,
        "orig_src": "10.9.0.1",
        "orig_dst": "10.8.0.1",
        "reply_src": "10.8.0.1",
        "reply_dst": "10.9.0.1",
        "orig_sport": 50002,
        "orig_dport": 443,
        "reply_sport": 443,
        "reply_dport": 50002,
        "orig_packets": 1,
        "orig_bytes": 40,
        "reply_packets": 0,
        "reply_bytes": 0,
        "mark": 0,
        "zone": 0,
        "zone_dir": uapi.NF_CT_DEFAULT_ZONE_DIR,
        "delta_time": 2,
    }


@pytest.mark.parametrize(
    ("name", "number", "expected"),
    [
        (
            "conntrack-proc.txt",
            1,
            {"status": CONFIRMED | SEEN | ASSURED, "timeout": 431997, "orig_bytes": 92},
        ),
        ("conntrack-proc.txt", 2, {"l4proto": 17, "timeout": 27, "orig_dport": 53}),
        ("conntrack-proc.txt", 3, {"family": 10, "orig_src": "fd00:1::2", "reply_src": "fd00:2::2"}),
        ("conntrack-proc.txt", 4, {"l4proto": 1, "orig_type": 8, "reply_type": 0, "reply_icmp_id": 77}),
        ("conntrack-proc.txt", 5, {"l4proto": 47, "timeout": 27, "orig_dstkey": 0x63, "reply_srckey": 0x63}),
        ("conntrack-proc.txt", 6, {"l4proto": 132, "state": 1, "orig_sport": 6000}),
        ("conntrack-proc.txt", 7, {"l4proto": 33, "timeout": 597}),
        ("conntrack-proc.txt", 8, {"l4proto": 112}),
        ("conntrack-proc.txt", 9, {"zone": 6, "zone_dir": uapi.NF_CT_ZONE_DIR_ORIG}),
        ("conntrack-proc.txt", 10, {"zone": 7, "zone_dir": uapi.NF_CT_ZONE_DIR_REPL}),
        (
            "conntrack-proc.txt",
            11,
            {
                "l4proto": 58,
                "orig_type": 128,
                "reply_dst": "2409:8a10::1",
                "status": CONFIRMED | SEEN | uapi.IPS_SRC_NAT,
            },
        ),
        ("conntrack-list.txt", 0, {"l4proto": 33, "orig_sport": 0, "family": 2}),
        ("conntrack-list.txt", 1, {"id": 2213857785, "state": uapi.TCP_CONNTRACK_SYN_SENT}),
        ("conntrack-list.txt", 2, {"start_ns": 1795417108 * 10**9, "delta_time": 4}),
        ("conntrack-list.txt", 3, {"family": 10, "orig_src": "2001:db8::1", "orig_dst": "fd00::2"}),
        ("conntrack-list.txt", 4, {"helper": "ftp", "labels": "web,db-x", "id": 1260100381}),
        (
            "conntrack-list.xml",
            0,
            {"mark": 5, "labels": "web,db-x", "start_ns": 1795433779195104688, "delta_time": 7},
        ),
        (
            "conntrack-list.xml",
            0,
            {"status": CONFIRMED | SEEN | ASSURED, "orig_packets": 1, "reply_bytes": 80},
        ),
        (
            "conntrack-list.xml",
            1,
            {"zone": 5, "zone_dir": uapi.NF_CT_ZONE_DIR_ORIG, "state": 1, "status": CONFIRMED},
        ),
        ("conntrack-list.xml", 2, {"family": 10, "l4proto": 17, "orig_src": "2001:db8::1"}),
        ("conntrack-list.xml", 3, {"l4proto": 47, "orig_srckey": 5, "reply_srckey": 6}),
        (
            "conntrack-save.txt",
            0,
            {"timeout": 431996, "status": CONFIRMED | SEEN | ASSURED, "reply_dport": 50003},
        ),
        ("conntrack-save.txt", 1, {"zone": 5, "state": uapi.TCP_CONNTRACK_SYN_SENT2, "status": CONFIRMED}),
        ("conntrack-save.txt", 2, {"zone": 7, "orig_type": 8, "reply_type": 0, "reply_icmp_id": 77}),
        ("conntrack-save.txt", 3, {"l4proto": 47, "orig_dstkey": 6, "reply_dstkey": 5}),
        ("conntrack-save.txt", 4, {"family": 10, "orig_dst": "fd00::2"}),
        ("conntrack-save.txt", 5, {"orig_dst": "xx.xx.xx.2", "state": 4}),
        ("real-lines.txt", 5, {"timeout": 299, "status": CONFIRMED | SEEN | ASSURED}),
        (
            "real-lines.txt",
            6,
            {"orig_srckey": 0xA56C, "status": CONFIRMED | SEEN | ASSURED | uapi.IPS_SRC_NAT},
        ),
        ("real-lines.txt", 7, {"l4proto": 2, "secctx": "system_u:object_r:unlabeled_t:s0"}),
        ("real-lines.txt", 8, {"timeout": 0, "state": uapi.TCP_CONNTRACK_TIME_WAIT}),
        ("real-lines.txt", 9, {"status": CONFIRMED | SEEN | OFFLOADED | uapi.IPS_SRC_NAT, "orig_bytes": 123}),
        ("real-lines.txt", 10, {"timeout": 30, "mark": 256}),
        (
            "real-lines.txt",
            11,
            {
                "zone": 100,
                "zone_dir": 1,
                "status": CONFIRMED | SEEN | ASSURED | uapi.IPS_SRC_NAT | uapi.IPS_DST_NAT,
            },
        ),
        ("real-lines.txt", 12, {"timeout": 2938, "state": uapi.TCP_CONNTRACK_CLOSE_WAIT}),
        ("real-lines.txt", 14, {"mark": 6, "id": 2014938051}),
    ],
)
def test_values(name: str, number: int, expected: dict[str, Any]) -> None:
    """What real lines hold beyond the ordinary."""
    read = line(name, number)

    assert {key: read.get(key) for key in expected} == expected


def test_offloaded_entries_have_neither_timeout_nor_state() -> None:
    """The kernel prints neither while a flow table has the flow."""
    read = line("real-lines.txt", 9)

    assert "timeout" not in read
    assert "state" not in read


@pytest.mark.parametrize(
    ("name", "formats"),
    [
        ("conntrack-proc.txt", ("nf_conntrack",)),
        ("conntrack-list.xml", ("conntrack -o xml",)),
        ("conntrack-save.txt", ("conntrack -o save",)),
        ("conntrack-events.txt", ("conntrack -E",)),
        (
            "conntrack-list.txt",
            ("conntrack -L", "conntrack -L -o extended", "ip_conntrack or conntrack -L", "nf_conntrack"),
        ),
    ],
)
def test_formats_are_named(name: str, formats: tuple[str, ...]) -> None:
    """A reading says which formats its lines were of."""
    assert parse([fixture(name)]).formats == formats


def test_old_state_name() -> None:
    """Kernels before 2.6.31 call state 9 LISTEN."""
    text = "tcp 6 5 LISTEN src=1.2.3.4 dst=5.6.7.8 sport=1 dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1 use=1\n"

    assert read_rows(text)[0]["state"] == uapi.TCP_CONNTRACK_SYN_SENT2


def test_negative_timeout() -> None:
    """An entry may be past its time while it is printed."""
    text = "udp 17 -3 src=1.2.3.4 dst=5.6.7.8 sport=1 dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1 use=1\n"

    assert read_rows(text)[0]["timeout"] == -3


def test_labels_without_names() -> None:
    """conntrack(8) then prints the bare word."""
    text = (
        "tcp 6 5 ESTABLISHED src=1.2.3.4 dst=5.6.7.8 sport=1 dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1"
    )

    assert "labels" not in read_rows(f"{text} mark=0 use=1 labels\n")[0]


def test_events_leave_a_table() -> None:
    """NEW and UPDATE of one entry are one row, a destroyed one is none."""
    parsed = parse([fixture("conntrack-events.txt")])

    assert parsed.events
    assert parsed.unreadable == 0
    assert not parsed.truncated
    assert parsed.flows.frame.select("timeout", "state", "id").rows() == [(432000, 3, 1061898730)]
    assert parsed.notes == ("Of 4 events these entries are left: 1; entries without an event are missing.",)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tcp 17 5 ESTABLISHED {both}", "contradict"),
        ("foo 6 5 {both}", "contradict"),
        ("ipv6 2 tcp 6 5 ESTABLISHED {both}", "contradict"),
        ("ipv6 10 tcp 6 5 ESTABLISHED {both}", "two families"),
        (
            "ipv4 2 tcp 6 5 ESTABLISHED src=fd00::1 dst=fd00::2 sport=1 dport=2 src=fd00::2 dst=fd00::1 sport=2 dport=1",
            "two families",
        ),
        (
            "ipv6 10 tcp 6 5 ESTABLISHED src=fd00::1 dst=fd00::2 sport=1 dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1",
            "two families",
        ),
        ("tcp 6 5 DREAMING {both}", "a state"),
        ("udp 17 5 ESTABLISHED {both}", "a state"),
        ("tcp 6 5 ESTABLISHED src=1.2.3.4 dst=5.6.7.8 sport=1 dport=2", "both addresses"),
        ("tcp 6 5 ESTABLISHED src=1.2.3.4 dst=5.6.7.8 src=5.6.7.8 dst=1.2.3.4", "both ports"),
        (
            "tcp 6 5 ESTABLISHED src= dst=5.6.7.8 sport=1 dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1",
            "missing",
        ),
        ("tcp 6 5 ESTABLISHED {both} src=1.1.1.1", "two directions"),
        ("tcp 6 5 ESTABLISHED {both} mark=1 mark=2", "twice"),
        ("tcp 6 5 ESTABLISHED {both} mark=blue", "no number"),
        ("tcp 6 5 ESTABLISHED {both} mark=4294967296", "too large"),
        ("tcp 6 5 ESTABLISHED {both} zone=65536", "too large"),
        ("tcp 6 99999999999999999999 ESTABLISHED {both}", "too large"),
        ("tcp 6 5 ESTABLISHED {ports}", "too large"),
        ("tcp 6 5 ESTABLISHED {both} stray", "a word"),
        ("tcp 6 5 ESTABLISHED {both} [start=Mon Feb 30 06:58:28 2026] use=1", "a time"),
        ("l3proto = 2 proto=6 src=1.2.3.4 dst=5.6.7.8 sport=0 dport=21", "no entry"),
        ("tcp 6 5 ESTABLISHED {both} mark=\udcff", "no text"),
        ("tcp 6 5 ESTABLISHED {both} " + "x=1 " * 3000, "too long"),
    ],
)
@pytest.mark.parametrize("thorough", [False, True])
def test_contradictions_are_unreadable(text: str, reason: str, thorough: bool) -> None:
    """A line that contradicts itself is counted with its reason, and the next one is read."""
    tuples = "src=1.2.3.4 dst=5.6.7.8 sport={} dport=2 src=5.6.7.8 dst=1.2.3.4 sport=2 dport=1"
    text = text.replace("{both}", tuples.format(1)).replace("{ports}", tuples.format(65536))
    good = f"udp 17 5 {tuples.format(1)} use=1"

    parsed = parse([f"{text}\n{good}\n".encode("utf-8", "surrogateescape")], thorough=thorough)

    assert parsed.unreadable == 1
    assert parsed.first_unreadable[0].startswith("1: ")
    assert reason in parsed.first_unreadable[0]
    assert len(parsed.flows) == 1
    assert parsed.lines == 2


def test_a_save_line_whose_address_needs_a_second_look() -> None:
    """In a block that was respelled already: an address that is no quad is carried as written."""
    line = (
        b"-A -t 29 -u UNSET -s .0.0.1 -d 10.0.0.2 -r 10.0.0.2 -q 10.0.0.1 -p gre --srckey 5 --dstkey 6"
        b" --reply-key-src 6 --reply-key-dst 5\n"
    )
    for thorough in (False, True):
        parsed = parse([line], thorough=thorough)
        assert (parsed.unreadable, parsed.flows.opaque.to_list()) == (0, [".0.0.1"])


def test_a_broken_line_is_shown_in_part_however_its_bytes_are_written() -> None:
    """An escape takes four characters."""
    parsed = parse(iter([b"\x80\x01" * 100_000]))
    [fault] = parsed.first_unreadable
    assert fault.endswith("...")
    assert len(fault) < 200

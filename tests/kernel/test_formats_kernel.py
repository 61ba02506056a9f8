"""What the kernel and conntrack(8) print, read back, against the same table through ctnetlink."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from typing import IO, TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from halftrack.evidence import uapi
from halftrack.evidence.flows import TUPLE_COLUMNS, FlowTable
from halftrack.formats import classic
from halftrack.formats.table import Parsed, parse
from kernel.inject import End, Entries, inject

if TYPE_CHECKING:
    from kernel.scratch import Netns

pytestmark = pytest.mark.kernel

_ASSURED = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_WHERE = bytes([10, 8, 0, 1])
_HERE_6, _THERE_6 = (bytes.fromhex(f"20010db8{end:024x}") for end in (1, 0xABCD))
_COUNT = 50
# Bits that no text prints, and those that a text reader infers from the tuples.
_SHOWN_BITS = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_NEVER_IN_TEXT = (
    "tcp_flags_orig",
    "tcp_flags_reply",
    "tcp_wscale_orig",
    "tcp_wscale_reply",
    "start_ns",
    "labels",
)


def _many() -> np.ndarray:
    return np.arange(_COUNT, dtype=np.uint32) + 0x0A090001


def _ports(l4proto: int, state: int | None, **more: object) -> Entries:
    here = _many()
    return Entries(
        orig=End(here, _WHERE, np.arange(_COUNT) + 1024, 443),
        reply=End(_WHERE, here, 443, np.arange(_COUNT) + 1024),
        l4proto=l4proto,
        state=state,
        count=_COUNT,
        timeout=np.arange(_COUNT) + 5050,
        **more,
    )


def _table(netns: Netns) -> None:
    """A table of every protocol, both families, translation, marks and zones."""
    icmp6 = Entries(
        orig=End(_HERE_6, _THERE_6, 77, 128 << 8),
        reply=End(_THERE_6, _HERE_6, 77, 129 << 8),
        l4proto=uapi.IPPROTO_ICMPV6,
        family=uapi.AF_INET6,
        timeout=5050,
    )
    tcp6 = Entries(
        orig=End(_HERE_6, _THERE_6, 33000, 443),
        reply=End(_THERE_6, _HERE_6, 443, 33000),
        family=uapi.AF_INET6,
        state=uapi.TCP_CONNTRACK_SYN_SENT2,
        timeout=5050,
    )
    translated = Entries(
        orig=End(_many(), _WHERE, 80, 5555),
        reply=End(bytes([192, 168, 7, 7]), bytes([203, 0, 113, 9]), 8080, np.arange(_COUNT) + 2000),
        state=uapi.TCP_CONNTRACK_TIME_WAIT,
        status=_ASSURED,
        count=_COUNT,
        timeout=5050,
    )
    gre = Entries(
        orig=End(bytes([10, 9, 0, 1]), _WHERE, 0x5, 0xA56C),
        reply=End(_WHERE, bytes([10, 9, 0, 1]), 0xA56C, 0x5),
        l4proto=uapi.IPPROTO_GRE,
        timeout=5050,
    )
    icmp = Entries(
        orig=End(_many(), _WHERE, 1234, 8 << 8),
        reply=End(_WHERE, _many(), 1234, 0),
        l4proto=uapi.IPPROTO_ICMP,
        count=_COUNT,
        timeout=5050,
    )
    vrrp = Entries(
        orig=End(_many(), bytes([224, 0, 0, 18])),
        reply=End(bytes([224, 0, 0, 18]), _many()),
        l4proto=112,
        count=_COUNT,
        timeout=5050,
    )
    inject(
        netns.path,
        _ports(uapi.IPPROTO_TCP, uapi.TCP_CONNTRACK_ESTABLISHED),
        _ports(
            uapi.IPPROTO_TCP, uapi.TCP_CONNTRACK_CLOSE_WAIT, status=_ASSURED, zone=7, mark=np.arange(_COUNT)
        ),
        _ports(uapi.IPPROTO_UDP, None, status=_ASSURED),
        _ports(uapi.IPPROTO_UDPLITE, None),
        _ports(uapi.IPPROTO_SCTP, 4),
        translated,
        icmp,
        icmp6,
        tcp6,
        gre,
        vrrp,
    )


def _sorted(flows: FlowTable, without: tuple[str, ...] = ()) -> pl.DataFrame:
    """Comparable whatever the order, and whichever second each reading fell into."""
    return (
        flows.frame.with_columns(
            pl.col("status") & _SHOWN_BITS,
            pl.col("timeout").floordiv(100),
            pl.col("mark").fill_null(0),
        )
        .drop(*_NEVER_IN_TEXT, "delta_time", *without)
        .sort([name for name in TUPLE_COLUMNS if name not in without], nulls_last=True)
    )


def _read(netns: Netns, *words: str) -> Parsed:
    parsed = parse([netns.run(*words).encode()])
    assert parsed.unreadable == 0, parsed.first_unreadable
    assert not parsed.truncated
    return parsed


@pytest.fixture
def table(netns: Netns) -> Netns:
    netns.sysctl("nf_conntrack_acct", 1)
    netns.sysctl("nf_conntrack_timestamp", 1)
    _table(netns)
    return netns


def _conntrack(netns: Netns, *options: str) -> Parsed:
    """Both families, as conntrack(8) lists one at a time."""
    texts = [netns.run("conntrack", "-L", "-f", family, *options) for family in ("ipv4", "ipv6")]
    parsed = parse([text.encode() for text in texts])
    assert parsed.unreadable == 0, parsed.first_unreadable
    assert not parsed.truncated
    return parsed


def test_proc_equals_ctnetlink(table: Netns) -> None:
    """/proc/net/nf_conntrack says the same as the dump, field by field."""
    from halftrack.kernel import ctnetlink

    dumped = ctnetlink.dump(netns_path=table.path).flows
    read = _read(table, "cat", "/proc/net/nf_conntrack")

    assert len(read.flows) == len(dumped) == 7 * _COUNT + 3 + _COUNT
    assert_frame_equal(_sorted(read.flows, ("id",)), _sorted(dumped, ("id",)))
    assert read.formats == ("nf_conntrack",)


@pytest.mark.parametrize(
    "options", [(), ("-o", "extended"), ("-o", "extended,ktimestamp"), ("-o", "ktimestamp")]
)
def test_conntrack_lists_equal_proc(table: Netns, options: tuple[str, ...]) -> None:
    """Plain, extended and timestamped lists of conntrack(8) hold what /proc holds."""
    read = _conntrack(table, *options)

    expected = _read(table, "cat", "/proc/net/nf_conntrack")
    assert_frame_equal(_sorted(read.flows), _sorted(expected.flows))
    if "ktimestamp" in "".join(options):
        assert read.flows.frame["start_ns"].null_count() == 0
        assert read.taken_at is not None


def test_conntrack_ids_equal_ctnetlink(table: Netns) -> None:
    """``-o id`` gives the ids of the dump."""
    from halftrack.kernel import ctnetlink

    read = _conntrack(table, "-o", "id,extended")

    assert_frame_equal(_sorted(read.flows), _sorted(ctnetlink.dump(netns_path=table.path).flows))


def test_conntrack_xml_equals_proc(table: Netns) -> None:
    """XML holds the same, but no ICMP types and no label; it does hold ids and exact start times."""
    read = _conntrack(table, "-o", "xml,ktimestamp")

    icmp = tuple(f"{side}_{name}" for side in ("orig", "reply") for name in ("type", "code", "icmp_id"))
    expected = _read(table, "cat", "/proc/net/nf_conntrack")
    assert_frame_equal(_sorted(read.flows, (*icmp, "id")), _sorted(expected.flows, (*icmp, "id")))
    assert read.flows.frame["start_ns"].null_count() == 0
    assert read.flows.frame["id"].null_count() == 0


def test_conntrack_save_equals_proc(table: Netns) -> None:
    """Save lines hold all but counters and marks; ICMP's reply is what the tracker would answer."""
    read = _conntrack(table, "-o", "save")

    left_out = ("orig_packets", "orig_bytes", "reply_packets", "reply_bytes", "mark")
    expected = _read(table, "cat", "/proc/net/nf_conntrack")
    assert_frame_equal(_sorted(read.flows, left_out), _sorted(expected.flows, left_out))


def test_classic_lines_read_back(table: Netns) -> None:
    """The classic one-line form of a dump reads back as the dump."""
    from halftrack.kernel import ctnetlink

    dumped = ctnetlink.dump(netns_path=table.path).flows
    read = parse(["\n".join([*classic.lines(dumped), ""]).encode()])

    assert read.unreadable == 0
    assert_frame_equal(_sorted(read.flows), _sorted(dumped))


def test_directional_zones(netns: Netns) -> None:
    """``zone-orig=`` and ``zone-reply=`` keep their direction, through /proc and conntrack(8)."""
    for option, direction in (
        ("--orig-zone", uapi.NF_CT_ZONE_DIR_ORIG),
        ("--reply-zone", uapi.NF_CT_ZONE_DIR_REPL),
    ):
        words = [
            "-s",
            "10.0.0.1",
            "-d",
            "10.0.0.3",
            "-p",
            "tcp",
            "--sport",
            "80",
            "--dport",
            "1234",
            "--state",
            "ESTABLISHED",
            "-t",
            "4000",
        ]
        netns.run("conntrack", "-I", *words, option, "5")
        for parsed in (
            _read(netns, "cat", "/proc/net/nf_conntrack"),
            _conntrack(netns),
            _conntrack(netns, "-o", "xml"),
        ):
            assert parsed.flows.frame.select("zone", "zone_dir").rows() == [(5, direction)]
        netns.run("conntrack", "-F")


def test_events_leave_the_table_that_the_kernel_holds(netns: Netns) -> None:
    """Event lines, with timestamps, fold into what is left."""
    netns.sysctl("nf_conntrack_events", 1)
    flow = (
        "-s",
        "10.0.0.1",
        "-p",
        "tcp",
        "--sport",
        "80",
        "--dport",
        "1234",
        "--state",
        "ESTABLISHED",
        "-t",
        "4000",
    )
    listener = subprocess.Popen(
        ["ip", "netns", "exec", netns.name, "conntrack", "-E", "-o", "timestamp,extended"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert listener.stdout is not None
    with listener, listener.stdout as output:
        try:
            text = b""
            # The first event that arrives shows that the listener listens.
            while b"dst=10.0.0.250 " not in text:
                netns.run("conntrack", "-I", "-d", "10.0.0.250", *flow)
                text += _waiting(output, 0.2)
                netns.run("conntrack", "-D", "-d", "10.0.0.250")
            for last in range(1, 4):
                netns.run("conntrack", "-I", "-d", f"10.0.0.{last}", *flow)
            netns.run("conntrack", "-U", "-d", "10.0.0.2", "-t", "77")
            netns.run("conntrack", "-D", "-d", "10.0.0.3")
            while not re.search(rb"\[DESTROY\][^\n]*dst=10\.0\.0\.3 [^\n]*\n", text):
                more = _waiting(output, 10)
                assert more, text
                text += more
        finally:
            listener.send_signal(signal.SIGINT)
    parsed = parse([text])

    assert parsed.unreadable == 0, parsed.first_unreadable
    assert parsed.events
    expected = parse([netns.run("cat", "/proc/net/nf_conntrack").encode()])
    columns = [*TUPLE_COLUMNS, "state"]
    assert expected.flows.frame.height == 2
    assert_frame_equal(
        parsed.flows.frame.select(columns).sort(columns), expected.flows.frame.select(columns).sort(columns)
    )


def _waiting(output: IO[bytes], seconds: float) -> bytes:
    """What a pipe holds, at the latest after some seconds."""
    if not select.select([output], [], [], seconds)[0]:
        return b""
    return os.read(output.fileno(), 1 << 16)

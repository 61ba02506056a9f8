"""Sockets out of /proc/net/tcp and its like."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from halftrack.evidence import addresses
from halftrack.evidence.uapi import AF_INET, IPPROTO_TCP
from halftrack.kernel import socket_text

HEADER = b"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
V4 = (
    b"   0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000   112        0 20457 1 "
    b"0000000000000000 100 0 0 10 0                     \n"
)
V6 = (
    b" 12345: 0000000000000000FFFF0000057100CB:01BB 000080FE00000000FF00FC020100FEFF:C001 01"
    b" 00000000:00000000 02:000000FF 00000000     0        0 77 2 0000000000000000 20 4 30 10 -1\n"
)


@pytest.mark.skipif(sys.byteorder != "little", reason="the sample was taken on a little-endian machine")
def test_addresses_ports_states() -> None:
    """Words in machine order, IPv4 inside IPv6, serial numbers wider than their column."""
    frame = socket_text.parse(HEADER + V4 + V6, IPPROTO_TCP)

    assert frame["state"].to_list() == [10, 1]
    assert frame["local_port"].to_list() == [3306, 443]
    assert frame["remote_port"].to_list() == [0, 0xC001]
    assert frame["uid"].to_list() == [112, 0]
    assert frame["inode"].to_list() == [20457, 77]
    spelled = [addresses.to_text(hi, lo) for hi, lo in frame.select("local_hi", "local_lo").iter_rows()]
    assert spelled == ["127.0.0.1", "203.0.113.5"]
    remote = frame.select("remote_hi", "remote_lo").row(1)
    assert addresses.to_text(*remote) == "fe80::2fc:ff:fffe:1"


@pytest.mark.parametrize(
    "raw", [b"", b"\n\n", HEADER, HEADER + b"   0: 01007F:0CEA 00\n\xff\x00 \x1f\n", b"\xff" * 100 + b"\n\n"]
)
def test_no_sockets_in_garbage(raw: bytes) -> None:
    """Lines that are no sockets are left out."""
    frame = socket_text.parse(raw, IPPROTO_TCP)
    assert frame.height == 0
    assert frame.schema == socket_text.SCHEMA


def test_missing_file_means_no_sockets(tmp_path: Path) -> None:
    """A kernel without IPv6 has no tcp6."""
    assert socket_text.read(tmp_path, AF_INET, IPPROTO_TCP).height == 0


@pytest.mark.parametrize(
    ("four", "six", "none"),
    [
        (
            "sockets: used 3\nTCP: inuse 0 orphan 0 tw 0 alloc 9 mem 0\nUDP: inuse 5 mem 0\n",
            "TCP6: inuse 0\n",
            True,
        ),
        ("TCP: inuse 0 orphan 0 tw 2 alloc 9 mem 0\n", "TCP6: inuse 0\n", False),
        ("TCP: inuse 0 orphan 0 tw 0 alloc 9 mem 0\n", "TCP6: inuse 1\n", False),
        ("TCP: inuse 0 orphan 0 tw 0 alloc 9 mem 0\n", None, True),
        (None, None, False),
    ],
)
def test_sockstat_spares_the_walk(tmp_path: Path, four: str | None, six: str | None, *, none: bool) -> None:
    """Only where the kernel counts no TCP socket, nor one in TIME_WAIT, is nothing asked."""
    for name, text in (("sockstat", four), ("sockstat6", six)):
        if text is not None:
            (tmp_path / name).write_text(text, encoding="ascii")
    assert socket_text.none_in_use(tmp_path, "tcp") is none

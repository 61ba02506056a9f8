"""A node seen through a directory."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from halftrack import live
from halftrack.evidence.shaping import RateSetting

LINE = (
    "ipv4     2 tcp      6 {left} ESTABLISHED src=192.0.2.1 dst=198.51.100.{host} sport=40000 dport=80"
    " src=198.51.100.{host} dst=192.0.2.1 sport=80 dport=40000 [ASSURED] mark=0 use=1\n"
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of what matters."""
    files = {
        "etc/hostname": "node17\n",
        "proc/sys/kernel/osrelease": "3.10.0-1160.el7.x86_64\n",
        "proc/sys/net/netfilter/nf_conntrack_count": "3\n",
        "proc/sys/net/netfilter/nf_conntrack_max": "65536\n",
        "proc/sys/net/netfilter/nf_conntrack_buckets": "16384\n",
        "proc/sys/net/netfilter/nf_conntrack_tcp_loose": "1\n",
        "proc/sys/net/ipv4/tcp_keepalive_time": "7200\n",
        "proc/net/stat/nf_conntrack": "entries drop\n00000003 00000001\n00000003 00000004\n",
        "proc/net/nf_conntrack": "".join(LINE.format(left=431000 + host, host=host) for host in range(1, 4)),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="ascii")
    return tmp_path


def test_what_the_files_say(root: Path) -> None:
    found = live.examine(root=root)

    assert (found.node, found.kernel, found.taken_at) == ("node17", "3.10.0-1160.el7.x86_64", None)
    (table,) = found.tables
    assert (table.netns, table.count, table.limit, table.buckets) == ("host", 3, 65536, 16384)
    assert table.settings["net.netfilter.nf_conntrack_tcp_loose"] == "1"
    assert table.settings["net.ipv4.tcp_keepalive_time"] == "7200"
    assert [reading.values for reading in table.counters] == [{"entries": 3, "drop": 5}]
    assert table.flows is not None
    assert table.flows.frame["timeout"].to_list() == [431001, 431002, 431003]
    assert (table.sockets, table.addresses) == (None, None)
    assert not found.in_container


def test_counters_of_tcp_are_read_once(root: Path) -> None:
    """A copy holds one reading: what ever happened, not what happens now."""
    (root / "proc/net/netstat").write_text("TcpExt: SyncookiesSent ListenDrops\nTcpExt: 7 9\n", "ascii")
    (table,) = live.examine(root=root).tables
    (reading,) = table.stack
    assert reading.values == {"TcpExt.SyncookiesSent": 7, "TcpExt.ListenDrops": 9}


def test_rates_of_virtuozzo(root: Path) -> None:
    """Those that hold: of containers only where the node's own file switches shaping on."""
    conf = root / "etc/vz/conf"
    conf.mkdir(parents=True)
    (conf / "101.conf").write_text('ONBOOT="yes"\nRATE="venet0:1:300"\n', "ascii")
    (conf / "0.conf").write_text('RATE="venet0:1:1"\n', "ascii")
    (conf / "ve-basic.conf-sample").write_text('RATE="venet0:1:2"\n', "ascii")
    assert live.examine(root=root).rate_settings == ()
    (root / "etc/vz/vz.conf").write_text(
        '# TRAFFIC_SHAPING="no"\nTRAFFIC_SHAPING="yes" # on\nBANDWIDTH="eth0:102400"\n', "ascii"
    )
    assert live.examine(root=root).rate_settings == (
        RateSetting("/etc/vz/vz.conf", 2, "TRAFFIC_SHAPING", "yes", None),
        RateSetting("/etc/vz/vz.conf", 3, "BANDWIDTH", "eth0:102400", None),
        RateSetting("/etc/vz/conf/101.conf", 2, "RATE", "venet0:1:300", "101"),
    )


def test_files_alone_tell_no_sockets(root: Path) -> None:
    """That is said, for it keeps the dead from being told from the silent."""
    (gap,) = [gap for gap in live.examine(root=root).gaps if gap.what == "sockets"]
    assert gap.would_tell == ("orphaned",)


def test_without_a_table(root: Path) -> None:
    """Counts and settings stay; the entries are a gap."""
    (root / "proc/net/nf_conntrack").unlink()
    found = live.examine(root=root)
    assert found.tables[0].flows is None
    assert [gap.why for gap in found.gaps if gap.what == "entries of host"] == ["No such file or directory"]


def test_an_old_name_of_the_table(root: Path) -> None:
    """``ip_conntrack``, with the settings' old names."""
    net = root / "proc/net"
    (net / "nf_conntrack").rename(net / "ip_conntrack")
    legacy = root / "proc/sys/net/ipv4/netfilter"
    legacy.mkdir()
    for path in (root / "proc/sys/net/netfilter").iterdir():
        path.rename(legacy / path.name.replace("nf_", "ip_", 1))
    (table,) = live.examine(root=root).tables
    assert (table.count, table.limit) == (3, 65536)
    assert table.flows is not None
    assert len(table.flows) == 3
    assert table.settings["net.ipv4.netfilter.ip_conntrack_tcp_loose"] == "1"


def test_an_empty_directory(tmp_path: Path) -> None:
    """Nothing is there: said, not raised."""
    found = live.examine(root=tmp_path)
    assert found.tables[0].count is None
    assert any(gap.what == "entries of host" for gap in found.gaps)


@pytest.mark.parametrize("text", ["", "-1", "x" * 10_000, "9" * 5_000, "\0\x1b[31m", "1 2 3"])
def test_hostile_settings(root: Path, text: str) -> None:
    """Whatever a file holds: a number, or not known; and never a control character."""
    (root / "proc/sys/net/netfilter/nf_conntrack_count").write_text(text, encoding="ascii")
    (root / "proc/sys/net/netfilter/nf_conntrack_tcp_loose").write_text(text, encoding="ascii")
    (table,) = live.examine(root=root).tables
    assert table.count in (None, 3)
    assert table.settings["net.netfilter.nf_conntrack_tcp_loose"].isprintable()


@pytest.mark.parametrize(
    "name",
    [
        "etc/hostname",
        "proc/net/nf_conntrack",
        "proc/net/stat/nf_conntrack",
        "proc/self/mountinfo",
        "proc/slabinfo",
        "proc/sys/net/netfilter/nf_conntrack_max",
        "sys/module/nf_conntrack/parameters/hashsize",
    ],
)
def test_a_pipe_where_a_file_should_be_is_not_waited_for(root: Path, name: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)

    assert live.examine(root=root).tables


def test_a_mount_point_that_is_no_path(root: Path) -> None:
    (root / "proc/self").mkdir()
    line = "22 1 0:4 /1/ns/net /a\\000b rw - proc proc rw\n"
    (root / "proc/self/mountinfo").write_text(line, encoding="ascii")

    assert live.examine(root=root).tables

"""What is understood of a support report, whole, cut and cleaned."""

from __future__ import annotations

import lzma
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from halftrack.errors import UnreadableInput
from halftrack.formats import members
from halftrack.formats.members import Walk
from halftrack.live import reports
from unit.reports import INSIDE, LISTED, SYSCTL, archive, entries, read, settings, table, tree, whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from halftrack.evidence.values import Evidence


def told(evidence: Evidence) -> list[object]:
    """What can be compared of it."""
    rows = [each.flows.frame.rows() if each.flows is not None else None for each in evidence.tables]
    plain = [replace(each, flows=None, sockets=None, tcp=None) for each in evidence.tables]
    given = replace(evidence.input, inside="")  # what it was read from is called otherwise
    return [rows, plain, replace(evidence, tables=(), seconds=0.0, input=given)]


def test_of_the_node() -> None:
    evidence = read(archive(whole()))
    assert (evidence.source, evidence.node, evidence.kernel) == ("sos", "node", "5.14.0-427.el9.x86_64")
    assert evidence.taken_at is not None
    assert evidence.taken_at.isoformat() == "2026-11-27T13:02:08+00:00"
    host = table(evidence, "host")
    assert (host.count, host.limit, host.buckets) == (30, 262_144, 65_536)
    assert host.settings["net.ipv4.conf.all.rp_filter"] == "2"
    assert "vm.swappiness" not in host.settings
    assert not evidence.input.truncated
    assert LISTED in evidence.input.files


def test_the_same_packed_and_not(tmp_path: Path) -> None:
    files = whole() | {INSIDE: entries(5)}
    plain, packed = read(tree(tmp_path, files)), read(lzma.compress(archive(files)))
    assert told(plain) == told(packed)
    backwards = dict(reversed(files.items()))
    assert told(read(archive(backwards))) == told(packed)
    assert told(read(archive({"inner.tar.xz": lzma.compress(archive(files))}, ""))) == told(packed)


def test_namespaces_by_their_paths() -> None:
    """Underscores of a name are told from blanks by the directory of that name."""
    directory = "sos_commands/networking/namespaces/my_net/ip_netns_exec_my_net_"
    files = whole() | {
        INSIDE: entries(7),
        f"{directory}sysctl_-a": settings(7, 1_000),
        f"{directory}ip_-d_address_show": "1: lo: <LOOPBACK,UP> mtu 65536 qdisc noqueue\n"
        "    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0\n"
        "    inet 203.0.113.9/32 scope global lo\n       valid_lft forever preferred_lft forever\n",
        f"{directory}ss_-peaonmi": "Netid State Recv-Q Send-Q Local Address:Port Peer Address:Port Process\n"
        "u_str ESTAB 0 0 * 12 * 13\ntcp LISTEN 0 128 0.0.0.0:80 0.0.0.0:* uid:7 ino:44 sk:1 <->\n"
        "udp UNCONN 0 0 [::]:53 [::]:* ino:45 sk:2 <->\ntcp TIME-WAIT 0 0 10.0.0.1:80 10.0.0.2:9 ino:0\n",
        f"{directory}nstat_-zas": "#kernel\nTcpActiveOpens 5 0.0\nTcpExtTCPTimeouts 9 0.0\n",
        INSIDE.replace("-L_-o_extended", "-S"): "cpu=0 found=1 insert_failed=0 drop=4 early_drop=1\n"
        "cpu=1 found=0 insert_failed=0 drop=3 early_drop=0\n",
    }
    found = table(read(archive(files)), "my_net")
    assert found.namespace.path == "/run/netns/my_net"
    assert (found.count, found.limit) == (7, 1_000)
    assert found.addresses is not None
    assert [(each.address, each.prefix, each.interface) for each in found.addresses] == [
        ("203.0.113.9", 32, "lo")
    ]
    assert found.sockets is not None
    rows = found.sockets.frame.select("l4proto", "state", "local_port", "uid", "inode").rows()
    assert rows == [(6, 10, 80, 7, 44), (17, 7, 53, 0, 45), (6, 6, 80, 0, 0)]
    assert found.stack[0].values == {"Tcp.ActiveOpens": 5, "TcpExt.TCPTimeouts": 9}
    assert found.counters[0].values["drop"] == 7


@pytest.mark.parametrize(
    ("files", "visible"),
    [
        (
            {"sos_strings/conntrack/conntrack_-L_-o_extended.tailed": "91 use=1\n" + entries(30)}
            | {SYSCTL: settings(120)},
            0.25,
        ),
        ({LISTED: entries(30), SYSCTL: settings(300)}, 0.1),
        ({LISTED: entries(30)[:-40], SYSCTL: settings(30)}, 29 / 30),
    ],
)
def test_one_that_was_cut_is_not_whole(files: Mapping[str, str], visible: float) -> None:
    evidence = read(archive({name: text for name, text in whole().items() if name != LISTED} | dict(files)))
    assert evidence.input.truncated
    assert evidence.input.visible == pytest.approx(visible)
    assert any("cut off" in note for note in evidence.input.notes)
    assert evidence.input.unreadable == (visible > 0.5)  # of a tail, the part of a line is none


@pytest.mark.parametrize(
    "mark",
    [
        {"sos_logs/cleaner.log": "Completed obfuscation\n"},
        {"sos_reports/manifest.json": '{"components": {"report": {}, "cleaner": {"parsers": {}}}}'},
    ],
)
def test_stand_ins_are_in_no_network(mark: Mapping[str, str]) -> None:
    address = {"sos_commands/networking/ip_-o_addr": "2: cni0    inet 100.0.0.1/16 scope global cni0\\ \n"}
    plain, cleaned = read(archive(whole() | address)), read(archive(whole() | address | dict(mark)))
    assert (plain.input.masked, cleaned.input.masked) == ("none", "substituted")
    for evidence, prefix in ((plain, 16), (cleaned, 32)):
        [local] = table(evidence, "host").addresses or ()
        assert local.prefix == prefix


def test_outputs_by_their_content(tmp_path: Path) -> None:
    """Called anything."""
    files = {
        "01.txt": entries(12),
        "02.txt": settings(12),
        "03.txt": "1: lo    inet 127.0.0.1/8 scope host lo\\ \n",
        "04.txt": "$ ip netns exec blue conntrack -L\n" + entries(3, 443),
    }
    evidence = read(tree(tmp_path, files, "outputs"))
    assert {each.netns: each.count for each in evidence.tables} == {"host": 12, "blue": 3}
    assert table(evidence, "host").limit == 262_144


def test_the_time_by_what_a_clock_prints_whatever_its_file_is_called() -> None:
    files = {
        "a.txt": entries(3),
        "b": settings(3),
        "c": "Fri Nov 27 13:02:08 UTC 2026\n",
        "d": " 13:02:08 up 5 days,  2:03,  1 user,  load average: 0.10, 0.11, 0.12\n",
        "e": "Thu Jan  1 00:00:00 UTC 2026\nand more: no clock prints that\n",
    }
    evidence = read(archive(files, ""))
    assert evidence.taken_at is not None
    assert evidence.taken_at.isoformat() == "2026-11-27T13:02:08+00:00"
    assert {"c", "d"} <= set(evidence.input.files)
    assert "e" not in evidence.input.files
    del files["c"]
    assert read(archive(files, "")).taken_at is None


def test_the_kernel_by_uname_with_its_release_alone_where_the_file_says_so() -> None:
    files = {"a.txt": entries(3), "b": settings(3), "uname-r.txt": "6.12.9-acme\n", "version": "3.4.5\n"}
    evidence = read(archive(files, ""))
    assert evidence.kernel == "6.12.9-acme"
    assert "version" not in evidence.input.files
    del files["uname-r.txt"]
    assert not read(archive(files, "")).kernel


def test_tables_alone_stay_what_they_were(tmp_path: Path) -> None:
    evidence = read(tree(tmp_path, {"a": entries(2), "b": entries(3)}, "tables"))
    assert evidence.source == "dump"
    assert [each.count for each in evidence.tables] == [2, 3]


def test_one_reading_of_a_table_counts() -> None:
    evidence = read(archive(whole() | {"proc/net/nf_conntrack": entries(31)}))
    assert table(evidence, "host").count == 31
    assert any("shows the same table" in note for note in evidence.input.notes)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"a/x.txt": "hello\n"}, "nothing about connection tracking"),
        ({f"one/{LISTED}": entries(1), f"two/{LISTED}": entries(1)}, r"2 reports \(one, two\)"),
    ],
)
def test_what_is_none(files: Mapping[str, str], why: str) -> None:
    with pytest.raises(UnreadableInput, match=why):
        read(archive(files, ""))


def test_an_empty_table_is_a_table() -> None:
    shown = "conntrack v1.4.6 (conntrack-tools): 0 flow entries have been shown.\n"
    host = table(read(archive(whole() | {LISTED: shown, SYSCTL: settings(0)})), "host")
    assert host.flows is not None
    assert (host.count, len(host.flows)) == (0, 0)


@pytest.mark.parametrize(("dropped", "asked"), [(0, False), (3, True)])
def test_one_reading_tells_whether_anything_was_ever_dropped(dropped: int, asked: bool) -> None:
    stat = f"entries searched insert_failed drop early_drop\n0000001e 0 0 {dropped:08x} 0\n"
    evidence = read(archive(whole() | {"proc/net/stat/nf_conntrack": stat}))
    assert any(gap.what == "counters of host" for gap in evidence.gaps) == asked


def test_no_more_is_read_when_the_time_is_up(tmp_path: Path) -> None:
    top = tree(tmp_path, whole() | {"sos_commands/networking/ip_-o_addr": "1: lo    inet 127.0.0.1/8 \\\n"})
    walk = Walk(deadline=0.0)
    with pytest.raises(UnreadableInput):
        reports.read(members.of_directory(str(top), walk), walk, by_mark=False)
    assert walk.notes == ["The time was up before all of it was read."]


_CLASS = (
    "class htb 1:1 root rate 8Mbit ceil 8Mbit burst 1600b cburst 1600b\n"
    " Sent 10 bytes 1 pkt (dropped 7, overlimits 0 requeues 0)\n"
)
_QDISC = (
    "qdisc htb 1: dev eth0 root refcnt 2 r2q 10 default 0x1\n"
    " Sent 10 bytes 1 pkt (dropped 0, overlimits 0 requeues 0)\n"
)


def test_counters_in_whatever_words() -> None:
    files = {
        "sos_commands/networking/netstat_-s": "Ip:\n    Forwarding: 1\nTcpExt:\n    5 SYN cookies sent\n",
        "sos_commands/networking/tc_-s_qdisc_show": _QDISC,
        "sos_commands/networking/tc_-s_class_show_dev_eth0": _CLASS,
        "17.txt": "$ tc -s class show dev eth1\n" + _CLASS,
        "18.txt": _CLASS,
    }
    host = table(read(archive(whole() | files)), "host")
    assert host.stack[-1].values["TcpExt.SyncookiesSent"] == 5
    [shaping] = host.shaping
    names = {each.index: each.name for each in shaping.interfaces}
    classes = [(names[each.interface], each.drops, each.rate) for each in shaping.queues if each.is_class]
    assert sorted(classes) == [("eth0", 7, 1_000_000), ("eth1", 7, 1_000_000)]


def test_of_counters_in_several_words_those_of_the_kernel_count() -> None:
    files = {
        "sos_commands/networking/netstat_-s": "Ip:\n    Forwarding: 1\nTcpExt:\n    5 SYN cookies sent\n",
        "proc/net/netstat": "TcpExt: SyncookiesSent SyncookiesRecv\nTcpExt: 6 0\n",
    }
    host = table(read(archive(whole() | files)), "host")
    assert [each.values["TcpExt.SyncookiesSent"] for each in host.stack] == [6]


FULL = "nf_conntrack: nf_conntrack: table full, dropping packet"


def logged(files: Mapping[str, str]) -> list[tuple[int, str, str | None]]:
    evidence = read(archive(whole() | dict(files)))
    assert evidence.log is not None
    return [
        (each.count, each.source, each.last.at.isoformat() if each.last.at else None)
        for each in evidence.log.lines
    ]


@pytest.mark.parametrize(
    ("files", "line", "at"),
    [
        ({"sos_commands/kernel/dmesg": f"[  0.1] x\n[ 60.000000] {FULL}\n", "proc/uptime": "120.00 9.00\n"},
         2, "2026-11-27T13:01:08+00:00"),
        ({"sos_commands/kernel/dmesg_-T": f"[Fri Nov 27 12:00:00 2026] {FULL}\n"}, 1, "2026-11-27T12:00:00+00:00"),
        ({"var/log/messages": f"Nov 27 12:00:00 node kernel: {FULL}\n",
          "sos_commands/date/date": "Fri Nov 27 14:02:08 CET 2026\n"}, 1, "2026-11-27T11:00:00+00:00"),
        ({"var/log/kern.log-20261120": f"2026-11-20T12:00:00+01:00 node kernel: {FULL}\n"},
         1, "2026-11-20T11:00:00+00:00"),
        ({"sos_commands/logs/journalctl_--no-pager_--boot": f"-- Logs --\nNov 27 12:00:00 node kernel: {FULL}\n"},
         2, "2026-11-27T12:00:00+00:00"),
        ({"sos_strings/logs/journalctl_--no-pager.tailed": f"el: {FULL}\nNov 27 12:00:00 n kernel: {FULL}\n"},
         1, "2026-11-27T12:00:00+00:00"),
        ({"17.txt": f"[ 60.000000] eth0: up\n[ 61.000000] {FULL}\n"}, 2, None),
    ],
)  # fmt: skip
def test_the_kernels_log_wherever_it_is_kept(files: Mapping[str, str], line: int, at: str | None) -> None:
    [path] = [name for name in files if "date" not in name and "uptime" not in name]
    assert logged(files) == [(1, f"{path}:{line}", at)]


def test_logs_of_services_are_not_the_kernels() -> None:
    text = f"Nov 27 12:00:00 node kernel: {FULL}\n"
    assert read(archive(whole() | {"var/log/httpd/error_log": text, "var/log/secure": text})).log is None


def test_what_is_missing_can_be_asked_for() -> None:
    needs = {need for gap in read(archive(whole() | {INSIDE: entries(2)})).gaps for need in gap.needs}
    assert {"conntrack -S", "ss -tuanp", "ip netns exec my_net sysctl -a"} <= needs


def plain(node: str, kernel: str = "5.14.0", days: int = 3) -> dict[str, str]:
    """What commands printed, each into a file."""
    return {
        "conntrack.txt": entries(10),
        "sysctl.txt": settings(10).replace("kernel.hostname = node", f"kernel.hostname = {node}"),
        "uname.txt": f"Linux {node} {kernel} #1 SMP x86_64 GNU/Linux\n",
        "hostname": f"{node}.example.org\n",
        "uptime": f" 13:02:08 up {days} days,  4:05,  1 user,  load average: 0.00\n",
        "ss.txt": "State Recv-Q Send-Q Local Address:Port Peer Address:Port\n",
    }


def within(directory: str, files: Mapping[str, str]) -> dict[str, str]:
    return {f"{directory}/{name}": text for name, text in files.items()}


def test_plain_outputs_of_one_node_may_lie_in_several_directories() -> None:
    files = plain("alpha")
    spread = {f"{'net' if 'con' in name else 'sys'}/{name}": text for name, text in files.items()}
    for some in (files, within("mail", files), within("mail", spread)):
        evidence = read(archive(some, top=""))
        assert (evidence.node, table(evidence, "host").count) == ("alpha.example.org", 10)


def alone(files: Mapping[str, str], *names: str) -> dict[str, str]:
    return {name: files[name] for name in ("conntrack.txt", "ss.txt", *names)}


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (
            within("one", plain("alpha")) | within("two", plain("beta")),
            r"outputs of 2 nodes \(alpha by one/hostname, beta by two/hostname\): give one alone$",
        ),
        (
            plain("alpha") | {"b_hostname": "beta\n", "uname-b.txt": "Linux beta 6.1.0 #1\n"},
            r"2 nodes \(alpha by hostname, beta by uname-b\.txt\)",
        ),
        (
            within("one", alone(plain("alpha"), "sysctl.txt"))
            | within("two", alone(plain("beta"), "uname.txt")),
            r"2 nodes \(alpha by one/sysctl\.txt, beta by two/uname\.txt\)",
        ),
        (
            within("one", plain("alpha")) | within("two", plain("alpha", "6.1.0")),
            r"2 kernels \(5\.14\.0 by one/uname\.txt, 6\.1\.0 by two/uname\.txt\)",
        ),
        (
            within("one", plain("alpha")) | within("two", plain("alpha", days=40)),
            r"2 boots \(3 days ago by one/uptime, 40 days ago by two/uptime\): give one alone, or with doctor --since",
        ),
        (
            within("mail/a", alone(plain("x"))) | within("mail/b/net", alone(plain("x"))),
            r"2 sets of outputs, of several nodes or moments \(mail/a, mail/b\): give one alone, or with doctor --since",
        ),
    ],
)
def test_plain_outputs_of_two_nodes_are_not_mixed(files: Mapping[str, str], why: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match=why):
        read(archive(files, top=""))
    with pytest.raises(UnreadableInput, match=why):
        read(tree(tmp_path, files, "."))


def test_what_a_namespace_prints_is_no_second_node() -> None:
    files = plain("alpha") | {
        "netns-web/conntrack.txt": entries(3),
        "netns-web/ss.txt": plain("x")["ss.txt"],
        "netns-web/hostname": "web\n",
    }
    evidence = read(archive(files, top=""))
    assert {each.netns: each.count for each in evidence.tables} == {"host": 10, "web": 3}

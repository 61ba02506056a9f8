"""Settings that remedies change hold where they should, and only there."""

from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack.evidence.sysctls import SysctlLine
from halftrack.evidence.values import Firewall, Namespace, Table
from halftrack.remedies import (
    cap_unacknowledged,
    persistence,
    raise_limit,
    shorten_established,
    strict_pickup,
    syncookies,
)
from kernel.scratch import scratch_netns
from unit.situations import situation

if TYPE_CHECKING:
    from kernel.scratch import Netns
from kernel.remedying import ESTABLISHED, SERVER, as_host, evidence_of, paste, put, read_sysctl, table_of


def in_namespaces(netns: Netns, pid: int) -> list[Namespace]:
    return [
        Namespace("named", path=netns.path),
        Namespace("by process", path=f"/proc/{pid}/ns/net", pid=pid),
        Namespace("by path", path=f"/proc/{pid}/ns/net"),
    ]


@pytest.mark.parametrize("way", range(3))
def test_settings_are_set_in_the_tables_namespace_alone(netns: Netns, tmp_path: Path, way: int) -> None:
    outside = Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established").read_text("ascii")
    put(netns, SERVER, "198.51.100.1", 80, 50_000)
    settings = {
        "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "432000",
        "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "432000",
    }
    sleeper = subprocess.Popen(["ip", "netns", "exec", netns.name, "sleep", "60"])
    try:
        # Wait until the process is inside: its namespace is then the scratch one.
        while Path(f"/proc/{sleeper.pid}/ns/net").stat().st_ino != netns.inode:
            os.sched_yield()
        namespace = in_namespaces(netns, sleeper.pid)[way]
        table = replace(table_of(netns), namespace=namespace)
        capped = replace(table, settings=settings)
        for remedy, given in (
            (shorten_established, table),
            (strict_pickup, table),
            (cap_unacknowledged, capped),
        ):
            found = remedy.advise(situation(evidence_of(given)))
            assert found is not None
            paste(found.commands, tmp_path)
    finally:
        sleeper.kill()
        sleeper.wait()
    assert read_sysctl(netns, ESTABLISHED) == 7_440
    assert read_sysctl(netns, "net.netfilter.nf_conntrack_tcp_loose") == 0
    assert read_sysctl(netns, "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged") == 300
    assert Path("/proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established").read_text("ascii") == outside
    assert not list((tmp_path / "etc/sysctl.d").iterdir())


def test_kept_settings_share_one_file_and_repeat_no_key(netns: Netns, tmp_path: Path) -> None:
    put(netns, SERVER, "198.51.100.1", 80, 50_000)
    here = situation(evidence_of(as_host(netns)))
    for remedy in (shorten_established, strict_pickup, shorten_established):
        found = remedy.advise(here)
        assert found is not None
        paste(found.commands, tmp_path, inside=netns)
    lower = shorten_established.advise(here, 7_200)
    assert lower is not None
    paste(lower.commands, tmp_path, inside=netns)
    drop_in = tmp_path / "etc/sysctl.d/90-halftrack.conf"
    assert drop_in.read_text("ascii").splitlines() == [
        "net.netfilter.nf_conntrack_tcp_loose = 0",
        f"{ESTABLISHED} = 7200",
    ]
    assert [p.name for p in drop_in.parent.iterdir()] == [drop_in.name]
    assert (tmp_path / "etc/modules-load.d/halftrack.conf").read_text("ascii") == "nf_conntrack\n"
    netns.sysctl("nf_conntrack_tcp_loose", 1)
    netns.run("sysctl", "-p", str(drop_in))
    assert read_sysctl(netns, "net.netfilter.nf_conntrack_tcp_loose") == 0
    assert read_sysctl(netns, ESTABLISHED) == 7_200


def test_a_later_file_is_changed_where_it_stands(netns: Netns, tmp_path: Path) -> None:
    put(netns, SERVER, "198.51.100.1", 80, 50_000)
    late = tmp_path / "etc/sysctl.d/99-it's late.conf"
    late.parent.mkdir(parents=True)
    late.write_text(
        "# tuned\n-net/netfilter/nf_conntrack_tcp_timeout_established=432000\nvm.swappiness = 1\n", "ascii"
    )
    line = SysctlLine(
        "/etc/sysctl.d/99-it's late.conf", 2, "-net/netfilter/nf_conntrack_tcp_timeout_established", "432000"
    )
    found = shorten_established.advise(situation(evidence_of(as_host(netns), sysctl_lines=(line,))))
    assert found is not None
    paste(found.commands, tmp_path, inside=netns)
    assert late.read_text("ascii").splitlines() == ["# tuned", f"{ESTABLISHED} = 7440", "vm.swappiness = 1"]


@pytest.mark.parametrize(("systemd", "kernel"), [(False, "2.6.32-042stab092.1"), (False, "5.10.0")])
def test_boot_without_systemd_is_set_up_once(systemd: bool, kernel: str, tmp_path: Path) -> None:
    table = Table(Namespace("host"), count=1)
    ev = evidence_of(table, kernel=kernel, firewall=Firewall(tool="iptables", systemd=systemd))
    here = situation(replace(ev, tables=(replace(table, flows=None),)))
    kept = persistence.keep({ESTABLISHED: 7_440}, here).commands
    for directory in ("etc/sysconfig/modules", "etc/rc.d"):
        (tmp_path / directory).mkdir(parents=True)
    for _ in range(2):
        paste(kept, tmp_path)
    written = [p.read_text("ascii") for p in sorted(tmp_path.rglob("*")) if p.is_file()]
    assert f"{ESTABLISHED} = 7440\n" in written
    assert sum(text.count("nf_conntrack\n") for text in written) == 1
    assert all(text.count("90-halftrack.conf") <= 1 for text in written)


def test_syncookies_go_to_the_servers_namespace(netns: Netns, tmp_path: Path) -> None:
    netns.run("sysctl", "-w", "net.ipv4.tcp_syncookies=0")
    put(netns, "198.51.100.1", SERVER, 50_000, 80, "--state", "SYN_RECV")
    table = table_of(netns, settings={"net.ipv4.tcp_syncookies": "0"})
    found = syncookies.advise(situation(evidence_of(table), "half-open", pl.lit(value=True)))
    assert found is not None
    paste(found.commands, tmp_path)
    assert read_sysctl(netns, "net.ipv4.tcp_syncookies") == 1


def test_limit_and_buckets_have_the_places_they_are_written_to(netns: Netns) -> None:
    """Both are one value of the whole machine, so nothing is written here."""
    put(netns, SERVER, "198.51.100.1", 80, 50_000)
    found = raise_limit.advise(situation(evidence_of(table_of(netns, limit=1, buckets=1))))
    assert found is not None
    resize, limit, *_ = found.commands
    assert os.access(resize.rpartition("> ")[2], os.W_OK)
    name, _, value = limit.removeprefix("sysctl -w ").partition("=")
    assert value == "2"
    assert os.access(Path("/proc/sys") / name.replace(".", "/"), os.W_OK)
    for command in found.commands:
        subprocess.run(["sh", "-nc", command], check=True)


@pytest.mark.parametrize(
    "name", ["$(touch pwned)", "a; touch pwned #", "`touch pwned`", "a' ; touch pwned; '", "-x", "a\nb"]
)
def test_names_from_outside_stay_names(name: str, tmp_path: Path) -> None:
    with scratch_netns() as netns:
        put(netns, SERVER, "198.51.100.1", 80, 50_000)
        table = table_of(netns)
    hostile = replace(table, namespace=Namespace(name, path=f"/run/netns/{name}"))
    found = shorten_established.advise(situation(evidence_of(hostile)))
    assert found is not None
    for command in found.commands:
        subprocess.run(["sh", "-c", command], capture_output=True, check=False, timeout=60, cwd=tmp_path)
    assert not list(tmp_path.iterdir())

"""Every command that a remedy prints does on the real kernel what it says, and nothing else."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl
import pytest

from halftrack.evidence.values import (
    Evidence,
    Firewall,
    LocalAddress,
    Namespace,
    Owner,
    SysctlLine,
    Table,
)
from halftrack.kernel import ctnetlink
from halftrack.remedies import (
    cap_unacknowledged,
    drain,
    notrack,
    persistence,
    raise_limit,
    rules,
    shorten_established,
    strict_pickup,
    syncookies,
    timeout_policy,
)
from kernel.scratch import scratch_netns
from unit.situations import situation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from halftrack.remedies.situation import Situation
    from kernel.scratch import Netns

SERVER: Final = "203.0.113.73"
SERVER6: Final = "2001:db8::73"
ESTABLISHED: Final = "net.netfilter.nf_conntrack_tcp_timeout_established"


def table_of(netns: Netns, *, name: str | None = None, **fields: object) -> Table:
    """The namespace's table as it is, under the way into it that ``ip netns`` gives."""
    flows = ctnetlink.dump(netns_path=netns.path).flows
    namespace = Namespace(name or netns.name, path=netns.path)
    return Table(namespace=namespace, flows=flows, count=len(flows), **fields)  # type: ignore[arg-type]


def evidence_of(*tables: Table, **fields: object) -> Evidence:
    given = {"node": "n", "source": "live", "kernel": os.uname().release, "firewall": Firewall(tool="nft")}
    return Evidence(tables=tables, **(given | fields))  # type: ignore[arg-type]


def put(netns: Netns, src: str, dst: str, sport: int, dport: int, *more: str, proto: str = "tcp") -> None:
    """An entry through ctnetlink: established, unanswered, days left, unless ``more`` says otherwise."""
    words = [
        "conntrack",
        "-I",
        "-p",
        proto,
        "-s",
        src,
        "-d",
        dst,
        "--sport",
        str(sport),
        "--dport",
        str(dport),
    ]
    if "-t" not in more:
        words += ["-t", "400000"]
    if proto == "tcp" and "--state" not in more:
        words += ["--state", "ESTABLISHED"]
    netns.run(*words, *more)


ANSWERED: Final = ("-u", "SEEN_REPLY,ASSURED")


def paste(commands: Iterable[str], home: Path, *, inside: Netns | None = None, path: str = "") -> None:
    """Type the commands one by one into a shell, with ``/etc`` moved to ``home``."""
    for directory in ("etc/sysctl.d", "etc/modules-load.d", "etc/modprobe.d", "etc/systemd/system"):
        (home / directory).mkdir(parents=True, exist_ok=True)
    before = ["ip", "netns", "exec", inside.name] if inside else []
    for command in commands:
        moved = command.replace("/etc/", f"{home}/etc/")
        done = subprocess.run(
            [*before, "sh", "-c", moved],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env={**os.environ, "PATH": f"{path}:{os.environ['PATH']}" if path else os.environ["PATH"]},
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def tuples(netns: Netns) -> set[tuple[str, int, int]]:
    """What is left: protocol number and original ports."""
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    return set(frame.select(pl.col("l4proto").cast(pl.String), "orig_sport", "orig_dport").iter_rows())


def read_sysctl(netns: Netns, name: str) -> int:
    return int(netns.run("sysctl", "-n", name))


# Settings


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


def as_host(netns: Netns, **fields: object) -> Table:
    """The scratch namespace in the place of the node's own: commands come without a way into it."""
    return table_of(netns, name="host", **fields)


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
def test_boot_without_systemd_is_set_up_once(systemd: bool, kernel: str, tmp_path: Path) -> None:  # noqa: FBT001
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


# Entries


def clear(here: Situation, tmp_path: Path) -> int | None:
    found = drain.advise(here)
    assert found is not None
    paste(found.commands, tmp_path)
    return found.effect.entries_freed


@pytest.mark.parametrize(("server", "clients"), [(SERVER, "198.51.100.{}"), (SERVER6, "2001:db8:1::{}")])
def test_unanswered_entries_go_and_the_answered_of_the_same_service_stay(
    netns: Netns, tmp_path: Path, server: str, clients: str
) -> None:
    for i in range(1, 6):
        put(netns, server, clients.format(i), 80, 50_000 + i)
        put(netns, clients.format(i), server, 40_000 + i, 80, *ANSWERED)
    put(netns, server, clients.format(9), 443, 50_009)
    here = situation(
        evidence_of(table_of(netns)), which=pl.col("one_sided") & (pl.col("service") == "tcp/80")
    )
    assert clear(here, tmp_path) == 5
    assert tuples(netns) == {("6", 40_000 + i, 80) for i in range(1, 6)} | {("6", 443, 50_009)}


def test_an_answered_entry_that_came_meanwhile_stops_the_removal(netns: Netns) -> None:
    put(netns, SERVER, "198.51.100.1", 80, 50_001)
    found = drain.advise(situation(evidence_of(table_of(netns))))
    assert found is not None
    put(netns, SERVER, "198.51.100.2", 80, 50_002, *ANSWERED)
    subprocess.run(["sh", "-c", found.commands[-1]], check=False, timeout=60)
    assert tuples(netns) == {("6", 80, 50_001), ("6", 80, 50_002)}


def test_where_no_filter_tells_them_apart_each_is_looked_at(netns: Netns, tmp_path: Path) -> None:
    for i in range(1, 5):
        put(netns, SERVER, f"198.51.100.{i}", 80, 50_000 + i)
    put(netns, SERVER, "198.51.100.9", 80, 50_009, *ANSWERED)
    here = situation(evidence_of(table_of(netns)))
    put(netns, SERVER, "198.51.100.8", 80, 50_008, *ANSWERED)
    assert clear(here, tmp_path) == 4
    assert tuples(netns) == {("6", 80, 50_008), ("6", 80, 50_009)}


def test_entries_to_an_address_that_nobody_has_go_by_that_address(netns: Netns, tmp_path: Path) -> None:
    for i in range(4):
        translated = ("-r", "10.244.1.9", "-q", "192.0.2.9", "--reply-port-src", "5353")
        ports = ("--reply-port-dst", str(40_000 + i))
        put(netns, "192.0.2.9", "10.96.0.10", 40_000 + i, 53, *translated, *ports, proto="udp")
    put(netns, "192.0.2.9", "10.96.0.10", 41_000, 53, proto="udp")
    ev = evidence_of(table_of(netns, addresses=(LocalAddress("10.244.1.9", 32, "x"),)))
    gone = pl.col("reply_sport") == 5_353
    assert clear(situation(ev, "stale-nat", gone), tmp_path) == 4
    assert tuples(netns) == {("17", 41_000, 53)}


@pytest.fixture
def live_connection(netns: Netns) -> Iterator[tuple[str, int, int]]:
    """A real connection over loopback inside the namespace: address, client's port, server's port."""
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    netns.run(
        "nft",
        "add table inet t; add chain inet t c { type filter hook input priority 0; }; "
        "add rule inet t c ct state new",
    )

    def connect() -> tuple[socket.socket, socket.socket, socket.socket]:
        listener = socket.create_server((SERVER, 8_883))
        client = socket.create_connection((SERVER, 8_883))
        return listener, client, listener.accept()[0]

    ends = netns.call(connect)
    try:
        yield SERVER, ends[1].getsockname()[1], 8_883
    finally:
        for end in ends:
            end.close()


def test_entries_without_a_socket_go_and_the_live_one_stays(
    netns: Netns, tmp_path: Path, live_connection: tuple[str, int, int]
) -> None:
    server, client_port, port = live_connection
    for i in range(3):
        put(netns, "198.51.100.7", server, 40_000 + i, port, *ANSWERED)
    owner = Owner("mqtt-edge", "3f2a", "podman", addresses=(server,))
    table = table_of(netns)
    ev = evidence_of(replace(table, namespace=replace(table.namespace, owner=owner)), owners=(owner,))
    here = situation(ev, "orphaned", pl.col("orig_sport").is_between(40_000, 40_002))
    assert here.finding.groups[0].owner is not None
    assert clear(here, tmp_path) == 3
    assert tuples(netns) == {("6", client_port, port)}


def test_orphans_are_not_removed_by_filter_once_their_service_is_back(
    netns: Netns, live_connection: tuple[str, int, int]
) -> None:
    server, client_port, port = live_connection
    put(netns, "198.51.100.7", server, 40_000, port, *ANSWERED)
    table = table_of(netns)
    before = replace(table.flows, frame=table.flows.frame.filter(pl.col("orig_sport") == 40_000))  # type: ignore[union-attr, type-var]
    here = situation(evidence_of(replace(table, flows=before)), "orphaned", pl.lit(value=True))
    found = drain.advise(here)
    assert found is not None
    subprocess.run(["sh", "-c", found.commands[-1]], check=False, timeout=60)
    assert tuples(netns) == {("6", 40_000, port), ("6", client_port, port)}


# Rules


def flavour(tool: str, tmp_path: Path) -> str:
    """A directory in which ``iptables`` and ``ip6tables`` are of one flavour, and systemctl does nothing."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("iptables", "ip6tables"):
        real = shutil.which(f"{name}-{tool}")
        if tool != "nft-native" and real is None:
            pytest.skip(f"{name}-{tool} is not installed")
        (tools / name).write_text(f'#!/bin/sh\nexec {real} "$@"\n', "ascii")
    (tools / "systemctl").write_text("#!/bin/sh\n", "ascii")
    for file in tools.iterdir():
        file.chmod(0o755)
    return str(tools)


FLAVOURS: Final = pytest.mark.parametrize("tool", ["nft-native", "nft", "legacy"])


def talk(netns: Netns, address: str, port: int) -> tuple[socket.socket, ...]:
    """A connection inside the namespace that is open, with data both ways."""

    def connect() -> tuple[socket.socket, ...]:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, port), family=family)
        client = socket.create_connection((address, port), timeout=5)
        served = listener.accept()[0]
        client.sendall(b"?")
        served.recv(1)
        served.sendall(b"!")
        client.recv(1)
        return listener, client, served

    return netns.call(connect)


@pytest.fixture
def tracking(netns: Netns) -> Netns:
    """The namespace with two addresses, tracking, and rules that want a known connection."""
    netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
    netns.run("ip", "-6", "address", "add", f"{SERVER6}/128", "dev", "lo", "nodad")
    netns.run(
        "nft",
        "add table inet t; add chain inet t c { type filter hook input priority 0; }; "
        "add rule inet t c ct state new",
    )
    return netns


@FLAVOURS
@pytest.mark.parametrize("address", [SERVER, SERVER6])
@pytest.mark.parametrize("on_node", [True, False])
def test_a_service_without_tracking_works_and_makes_no_entry(
    tracking: Netns, tmp_path: Path, tool: str, address: str, *, on_node: bool
) -> None:
    put(tracking, address, "198.51.100.1" if address == SERVER else "2001:db8:1::1", 8_080, 50_000)
    path = flavour(tool, tmp_path)
    table = table_of(tracking, name="host" if on_node else None)
    firewall = Firewall(tool="nft" if tool == "nft-native" else "iptables", systemd=True)
    found = notrack.advise(situation(evidence_of(table, firewall=firewall)))
    assert found is not None
    for _ in range(2):  # typed twice it does no harm
        paste(found.commands, tmp_path, inside=tracking if on_node else None, path=path)
    ends = (*talk(tracking, address, 8_080), *talk(tracking, address, 9_090))
    for end in ends:
        end.close()
    ports = {dport for _, _, dport in tuples(tracking)}
    assert 9_090 in ports
    assert 8_080 not in ports


@pytest.mark.parametrize("address", [SERVER, SERVER6])
@pytest.mark.parametrize("on_node", [True, False])
def test_a_policy_gives_new_connections_of_the_service_its_own_timeout(
    tracking: Netns, tmp_path: Path, address: str, *, on_node: bool
) -> None:
    put(tracking, "198.51.100.1", SERVER, 50_000, 8_883, *ANSWERED)
    path = flavour("nft-native", tmp_path)
    table = table_of(tracking, name="host" if on_node else None)
    here = situation(
        evidence_of(table, firewall=Firewall(tool="nft", systemd=True)), "orphaned", pl.lit(value=True)
    )
    found = timeout_policy.advise(here)
    assert found is not None
    for _ in range(2):
        paste(found.commands, tmp_path, inside=tracking if on_node else None, path=path)
    ends = (*talk(tracking, address, 8_883), *talk(tracking, address, 9_090))
    left = established_left(tracking)
    for end in ends:
        end.close()
    assert 7_400 < left[8_883] <= 7_440
    assert left[9_090] > 400_000


def established_left(netns: Netns) -> dict[int, int]:
    """Seconds left of established entries by server port; the injected one has another client."""
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame.filter(
        (pl.col("state") == 3) & (pl.col("orig_sport") != 50_000)
    )
    return dict(frame.select("orig_dport", "timeout").iter_rows())


@pytest.mark.skipif(shutil.which("nfct") is None, reason="nfct is not installed")
@pytest.mark.parametrize("tool", ["nft", "legacy"])
def test_a_policy_by_iptables(tracking: Netns, tmp_path: Path, tool: str) -> None:
    put(tracking, "198.51.100.1", SERVER, 50_000, 8_883, *ANSWERED)
    here = situation(
        evidence_of(table_of(tracking), firewall=Firewall(tool="iptables")), "orphaned", pl.lit(value=True)
    )
    found = timeout_policy.advise(here)
    assert found is not None
    path = flavour(tool, tmp_path)
    for _ in range(2):
        paste(found.commands, tmp_path, path=path)
    ends = talk(tracking, SERVER, 8_883)
    left = established_left(tracking)
    for end in ends:
        end.close()
    assert 7_400 < left[8_883] <= 7_440


def test_a_masked_address_has_to_be_filled_in(netns: Netns, tmp_path: Path) -> None:
    put(netns, SERVER, "198.51.100.1", 80, 50_000)
    masked = pl.Series("opaque", ["203.0.113.x"])
    table = table_of(netns)
    assert table.flows is not None
    hidden = table.flows.frame.with_columns(
        pl.lit((1 << 64) - 1, pl.UInt64).alias(name) for name in ("orig_src_hi", "reply_dst_hi")
    ).with_columns(pl.lit(0, pl.UInt64).alias(name) for name in ("orig_src_lo", "reply_dst_lo"))
    here = situation(evidence_of(replace(table, flows=replace(table.flows, frame=hidden, opaque=masked))))
    found = drain.advise(here)
    assert found is not None
    assignment, *commands = found.commands
    assert assignment == "ADDR_1=    # the address shown as 203.0.113.x"
    empty = subprocess.run(
        ["sh", "-c", "\n".join(found.commands)], capture_output=True, text=True, check=False, timeout=60
    )
    assert "ADDR_1" in empty.stderr
    assert tuples(netns) == {("6", 80, 50_000)}
    paste(["\n".join([f"ADDR_1={SERVER}", *commands])], tmp_path)
    assert tuples(netns) == set()


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed")
def test_the_unit_is_one_that_systemd_accepts(netns: Netns, tmp_path: Path) -> None:
    put(netns, SERVER, "198.51.100.1", 80, 50_000)
    table = as_host(netns)
    for tool in ("nft", "iptables"):
        firewall = Firewall(tool=tool, systemd=True)  # type: ignore[arg-type]
        found = notrack.advise(situation(evidence_of(table, firewall=firewall)))
        assert found is not None
        [unit] = [command for command in found.commands if rules.UNIT in command and "cat >" in command]
        paste([unit], tmp_path)
        checked = subprocess.run(
            ["systemd-analyze", "verify", "--man=no", str(tmp_path / "etc/systemd/system" / rules.UNIT)],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert rules.UNIT not in checked.stderr, checked.stderr
        written = (tmp_path / "etc/systemd/system" / rules.UNIT).read_text("ascii")
        assert not re.search(r"(?<!\$)\$(?!\$)", written), "systemd expands a single $ itself"


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

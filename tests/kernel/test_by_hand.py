"""What the pages of remedies say to type by hand does what they say, and what they say undoes it."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.remedies import REMEDIES
from kernel.changing import rules_of
from kernel.remedying import ANSWERED, SERVER, put, tuples
from kernel.scratch import scratch_netns
from kernel.talking import established_left, flavour, talk
from unit import remedy_pages
from unit.remedy_pages import BACK, BY_HAND, WORKS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kernel.scratch import Netns

CLIENT: Final = "203.0.113.9"
PREFIX: Final = "net.netfilter.nf_conntrack_"
SETTINGS: Final = {
    "shorten-established": {f"{PREFIX}tcp_timeout_established": ("86400", "7440")},
    "cap-unacknowledged": {
        f"{PREFIX}tcp_timeout_unacknowledged": ("432000", "300"),
        f"{PREFIX}tcp_timeout_max_retrans": ("90000", "300"),
    },
    "strict-pickup": {f"{PREFIX}tcp_loose": ("1", "0")},
    "syncookies": {"net.ipv4.tcp_syncookies": ("0", "1")},
}
"""What was there, and what has to be there afterwards."""
IPTABLES: Final = ("iptables-nft", "iptables-legacy")
TOOLS: Final = pytest.mark.parametrize("tool", ["nft", *IPTABLES])
LIMIT: Final = Path("/proc/sys/net/netfilter/nf_conntrack_max")
BUCKETS: Final = Path("/sys/module/nf_conntrack/parameters/hashsize")
FILES: Final = ("etc/sysctl.d", "etc/modules-load.d", "etc/modprobe.d", "etc/ufw")
DEBIANS_OWN: Final = """
table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    ct state established,related accept
    tcp dport { 80, 8883, 9090 } ct state new accept
  }
  chain output {
    type filter hook output priority filter; policy drop;
    ct state established,related accept
    tcp dport { 80, 8883, 9090 } ct state new accept
  }
}
"""
"""Rules that want a known connection, under the names of Debian's /etc/nftables.conf."""


@dataclass(frozen=True)
class Reader:
    """Whoever types what a page says: in a namespace, in a directory, with ``/etc`` moved into that."""

    netns: Netns
    client: Netns
    home: Path
    on_node: bool = False

    def type(
        self, slug: str, section: str, tool: str = "nft", values: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the section's commands as one script, up to the first that fails."""
        script = remedy_pages.commands(slug, section, tool.partition("-")[0], values)
        inside = ["ip", "netns", "exec", self.netns.name] if not self.on_node else []
        return subprocess.run(
            [*inside, "sh", "-ec", script.replace("/etc/", f"{self.home}/etc/")],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            cwd=self.home,
            env={
                **os.environ,
                "PATH": f"{self.home}/bin:{os.environ['PATH']}",
                "HALFTRACK_STATE_DIR": str(self.home / "state"),
                "HALFTRACK_RUN_DIR": str(self.home / "run"),
            },
        )

    def do(self, slug: str, section: str, tool: str = "nft", values: Mapping[str, str] | None = None) -> str:
        """The same where every command has to succeed; what they printed."""
        done = self.type(slug, section, tool, values)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def state(self) -> dict[str, object]:
        """Settings of the namespace, its rules of each kind, and every file under /etc."""
        saved = [
            line
            for tool in IPTABLES
            for line in self.netns.run(f"{tool}-save").splitlines()
            if line.startswith("-A")
        ]
        return {
            "settings": self.netns.run("sysctl", "-a", "--pattern", r"nf_conntrack_(tcp|udp)|syncookies"),
            "rules": rules_of(self.netns),
            "iptables": saved,
            "policies": self.netns.run("nfct", "list", "timeout"),
            "files": {
                str(each): (each.stat().st_mode, each.read_bytes())
                for each in sorted((self.home / "etc").rglob("*"))
                if each.is_file()
            },
        }


@pytest.fixture
def reader(netns: Netns, tmp_path: Path) -> Iterator[Reader]:
    """In the namespace of a server, with clients elsewhere."""
    for directory in FILES:
        (tmp_path / directory).mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin/halftrack"
    # Without a namespace named it would read those of other tests, too, where they are large.
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m halftrack "$@" --netns self\n', "ascii")
    program.chmod(0o755)
    with scratch_netns("client") as client:
        netns.run(
            "ip", "link", "add", "clients", "type", "veth", "peer", "name", "servers", "netns", client.name
        )
        for end, device, address in ((netns, "clients", SERVER), (client, "servers", CLIENT)):
            end.run("ip", "address", "add", f"{address}/24", "dev", device)
            end.run("ip", "link", "set", device, "up")
        yield Reader(netns, client, tmp_path)


def test_each_remedys_page_is_tried_here() -> None:
    tried = {*SETTINGS, "raise-limit", "notrack", "timeout-policy", "drain", "advice"}
    assert {remedy.REMEDY for remedy in REMEDIES} == tried


@pytest.mark.parametrize("slug", SETTINGS)
def test_a_setting_is_set_made_to_last_and_put_back(reader: Reader, slug: str) -> None:
    for name, (before, _) in SETTINGS[slug].items():
        reader.netns.run("sysctl", "-w", f"{name}={before}")
    was = reader.state()
    reader.do(slug, BY_HAND)
    wanted = {name: after for name, (_, after) in SETTINGS[slug].items()}
    assert {name: reader.netns.run("sysctl", "-n", name).strip() for name in wanted} == wanted
    for name, (before, _) in SETTINGS[slug].items():
        reader.netns.run("sysctl", "-w", f"{name}={before}")
    reader.netns.run("sysctl", "-p", str(reader.home / f"etc/sysctl.d/90-{slug}.conf"))
    assert {name: reader.netns.run("sysctl", "-n", name).strip() for name in wanted} == wanted
    reader.do(slug, WORKS)
    reader.do(slug, BACK)
    assert reader.state() == was


@TOOLS
def test_a_service_goes_untracked_and_is_tracked_again(reader: Reader, tool: str) -> None:
    rules_that_want_a_known_connection(reader, tool)
    was = reader.state()
    reader.do("notrack", BY_HAND, tool)
    assert ports_tracked(reader) == {9_090}
    assert reader.do("notrack", WORKS, tool).strip().startswith("0")
    reader.do("notrack", BACK, tool)
    assert reader.state() == was
    assert ports_tracked(reader) == {80, 9_090}


@TOOLS
def test_a_service_has_its_own_timeout_and_loses_it_again(reader: Reader, tool: str) -> None:
    rules_that_want_a_known_connection(reader, tool)
    was = reader.state()
    filled = {"PORT": "8883"}
    reader.do("timeout-policy", BY_HAND, tool, filled)
    left = left_to_new_ones(reader, 8_883, 9_090)
    assert 7_400 < left[8_883] <= 7_440
    assert left[9_090] > 400_000
    assert reader.do("timeout-policy", WORKS, tool, filled).strip().startswith("0")
    reader.do("timeout-policy", BACK, tool, filled)
    assert reader.state() == was
    reader.netns.run("conntrack", "-F")
    assert left_to_new_ones(reader, 8_883)[8_883] > 400_000


def test_what_nobody_answered_is_removed_and_put_in_again(reader: Reader) -> None:
    for number in range(1, 6):
        put(reader.netns, SERVER, f"198.51.100.{number}", 80, 50_000)
    put(reader.netns, SERVER, "198.51.100.1", 443, 50_000)
    put(reader.netns, "198.51.100.9", SERVER, 50_009, 80, *ANSWERED)
    was = entries(reader)
    reader.do("drain", BY_HAND)
    assert tuples(reader.netns) == {("6", 443, 50_000), ("6", 50_009, 80)}
    assert reader.do("drain", WORKS).strip().startswith("0")
    reader.do("drain", BACK)
    assert entries(reader) == was


def test_nothing_is_removed_where_an_answered_one_matches(reader: Reader) -> None:
    put(reader.netns, SERVER, "198.51.100.1", 80, 50_000)
    put(reader.netns, SERVER, "198.51.100.2", 80, 50_000, *ANSWERED)
    assert "not removed: these were answered" in reader.do("drain", BY_HAND)
    assert len(entries(reader)) == 2


def test_a_line_is_changed_where_it_stands_and_put_back(reader: Reader) -> None:
    name = remedy_pages.EXAMPLES["NAME"]
    file = reader.home / "etc/sysctl.d/99-somebody.conf"
    file.write_text(
        f"# tuned\n{name} = 3600\nnet.netfilter.nf_conntrack_tcp_timeout_last_ack = 31\n", "ascii"
    )
    (reader.home / "etc/sysctl.conf").write_text("# empty\n", "ascii")
    reader.netns.run("sysctl", "-p", str(file))
    was = reader.state()
    assert f"99-somebody.conf:2:{name} = 3600" in reader.do("advice", BY_HAND)
    assert (
        file.read_text("ascii")
        == f"# tuned\n{name} = 60\nnet.netfilter.nf_conntrack_tcp_timeout_last_ack = 31\n"
    )
    assert reader.do("advice", WORKS) == f"{name} = 60\n"
    reader.do("advice", BACK)
    assert reader.state() == was


def rules_that_want_a_known_connection(reader: Reader, tool: str) -> None:
    """As the node's own, of the kind that the tool is for."""
    if tool == "nft":
        reader.netns.run("nft", "-f", "-", stdin=DEBIANS_OWN)
        return
    flavour(tool.partition("-")[2], reader.home)
    for chain in ("INPUT", "OUTPUT"):
        for match in (
            "--ctstate ESTABLISHED,RELATED",
            "--ctstate NEW -p tcp -m multiport --dports 80,8883,9090",
        ):
            reader.netns.run(tool, *f"-A {chain} -m conntrack {match} -j ACCEPT".split())
        reader.netns.run(tool, "-P", chain, "DROP")
    for chain in ("PREROUTING", "OUTPUT"):  # what was used once stays, empty
        for change in ("-A", "-D"):
            reader.netns.run(tool, "-t", "raw", change, chain, "-j", "ACCEPT")


def ports_tracked(reader: Reader) -> set[int]:
    """Talk to two services: the ports of those that the table then has an entry of."""
    reader.netns.run("conntrack", "-F")
    for port in (80, 9_090):
        for end in talk(reader.netns, SERVER, port, client=reader.client):
            end.close()
    return {dport for _, _, dport in tuples(reader.netns)}


def left_to_new_ones(reader: Reader, *ports: int) -> dict[int, int]:
    """Talk to these services: seconds left to each while it is open."""
    ends = [end for port in ports for end in talk(reader.netns, SERVER, port, client=reader.client)]
    left = established_left(reader.netns)
    for end in ends:
        end.close()
    return left


def entries(reader: Reader) -> set[str]:
    """Every entry but its time, in the words of conntrack(8)."""
    lines = reader.netns.run("conntrack", "-L", "-o", "save").splitlines()
    return {line.partition(" -u ")[2] for line in lines}


@pytest.fixture
def limits() -> Iterator[dict[Path, str]]:
    """The two numbers of the whole node, put back afterwards whatever happens."""
    was = {path: path.read_text("ascii") for path in (LIMIT, BUCKETS)}
    try:
        yield was
    finally:
        for path, text in was.items():
            path.write_text(text, "ascii")


def test_limit_and_buckets_are_raised_and_put_back(reader: Reader, limits: dict[Path, str]) -> None:
    """Both are numbers of the whole node, so this is typed there, with more than there is."""
    node = replace(reader, on_node=True)
    more = {"LIMIT": str(int(limits[LIMIT]) + 4_096), "BUCKETS": str(2 * int(limits[BUCKETS]))}
    files = node.state()["files"]
    node.do("raise-limit", BY_HAND, values=more)
    assert LIMIT.read_text("ascii").strip() == more["LIMIT"]
    assert BUCKETS.read_text("ascii").strip() == more["BUCKETS"]
    kept = {
        str(path.relative_to(reader.home)): path.read_text("ascii") for path in reader.home.glob("etc/*/*")
    }
    assert kept == {
        "etc/sysctl.d/90-raise-limit.conf": f"net.netfilter.nf_conntrack_max = {more['LIMIT']}\n",
        "etc/modprobe.d/raise-limit.conf": f"options nf_conntrack hashsize={more['BUCKETS']}\n",
        "etc/modules-load.d/raise-limit.conf": "nf_conntrack\n",
    }
    reader.do("raise-limit", WORKS)
    node.do("raise-limit", BACK)
    assert {path: path.read_text("ascii") for path in limits} == limits
    assert node.state()["files"] == files


def test_buckets_are_made_no_fewer_by_hand(reader: Reader, limits: dict[Path, str]) -> None:
    same = {"LIMIT": limits[LIMIT].strip(), "BUCKETS": str(int(limits[BUCKETS]) // 2)}
    replace(reader, on_node=True).do("raise-limit", BY_HAND, values=same)
    assert {path: path.read_text("ascii") for path in limits} == limits

"""The collecting script on a node of OpenVZ's 2.6.32, which has neither numbers for namespaces nor ctnetlink."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.collecting import SHELLS, collected, doctor

if TYPE_CHECKING:
    from pathlib import Path

_STUCK: Final = (
    "{family}tcp      6 {left} ESTABLISHED src=203.0.113.73 dst=10.{a}.{b}.1 sport=80 dport=60440"
    " packets=1 bytes=40 [UNREPLIED] src=10.{a}.{b}.1 dst=203.0.113.73 sport=60440 dport=80"
    " packets=0 bytes=0 mark=0 secmark=0 use=2\n"
)
_ANSWERED: Final = (
    "{family}udp      17 20 src=192.0.2.9 dst=192.0.2.53 sport=40000 dport=53"
    " src=192.0.2.53 dst=192.0.2.9 sport=53 dport=40000 mark=0 secmark=0 use=2\n"
)
_STATS: Final = "entries  searched found new invalid ignore delete delete_list insert insert_failed drop\n"


def entries(count: int, family: str = "") -> str:
    stuck = (
        _STUCK.format(family=family, left=431_000 - 60 * number, a=number // 250, b=number % 250)
        for number in range(count)
    )
    return "".join(stuck) + _ANSWERED.format(family=family)


def stats(count: int, drop: int = 0) -> str:
    return _STATS + f"{count:08x} {'00000000 ' * 9}{drop:08x}\n"


@pytest.fixture(params=["", "ipv4     2 "], ids=["ip_conntrack", "nf_conntrack"])
def node(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Its files, with one container."""
    name = "nf_conntrack" if request.param else "ip_conntrack"
    sysctls = (
        "proc/sys/net/netfilter/nf_conntrack" if request.param else "proc/sys/net/ipv4/netfilter/ip_conntrack"
    )
    beneath = {
        f"proc/net/{name}": entries(1_500, request.param),
        f"proc/net/stat/{name}": stats(1_501, 7),
        "proc/net/snmp": "Tcp: ActiveOpens PassiveOpens\nTcp: 5 9\n",
        "proc/net/netstat": "TcpExt: SyncookiesSent ListenDrops\nTcpExt: 0 0\n",
        f"proc/500/net/{name}": entries(1_200, request.param),
        f"proc/500/net/stat/{name}": stats(1_201),
        "proc/500/status": "Name:\thttpd\nState:\tS (sleeping)\nenvID:\t101\n",
        "proc/501/status": "Name:\thttpd\nenvID:\t101\n",
        "proc/1/status": "Name:\tinit\nenvID:\t0\n",
        "proc/77/status": "Name:\tvzaquota\nenvID:\t0\n",
        "proc/uptime": "864000.12 1000.00\n",
        "proc/vz/veinfo": "       101     0    23       10.0.0.101\n",
        "proc/vz/version": "4.6\n",
        "proc/bc/resources": "",
        "proc/user_beancounters": "Version: 2.5\n",
        "proc/sys/kernel/osrelease": "2.6.32-042stab092.1\n",
        "proc/sys/kernel/hostname": "node17\n",
        f"{sysctls}_max": "65536\n",
        f"{sysctls}_count": "1501\n",
        f"{sysctls}_buckets": "16384\n",
        f"{sysctls}_tcp_timeout_established": "432000\n",
        f"{sysctls}_tcp_loose": "1\n",
        "proc/sys/net/ipv4/ip_forward": "1\n",
        "etc/vz/conf/101.conf": 'NAME="web-1"\nIP_ADDRESS="10.0.0.101"\n',
        "etc/sysctl.conf": "net.ipv4.ip_forward = 1\n",
    }
    for path, text in beneath.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text, encoding="ascii")
    return tmp_path


def said(node: Path, shell: str) -> dict[str, Any]:
    done = collected(SHELLS[shell], {**os.environ, "HALFTRACK_ROOT": str(node)})
    assert done.returncode == 0, done.stderr
    return doctor("-", stdin=done.stdout)


@pytest.mark.parametrize("shell", SHELLS)
def test_what_is_stuck_there_and_what_could_not_be_had(node: Path, shell: str) -> None:
    found = said(node, shell)
    assert (found["node"], found["kernel"], found["taken_at"]) == ("node17", "2.6.32-042stab092.1", None)
    host, container = found["tables"]
    assert (host["netns"], host["entries"], host["limit"], host["buckets"]) == ("host", 1_501, 65_536, 16_384)
    assert (container["netns"], container["entries"]) == ("ct-101", 1_201)
    assert container["owner"]["name"] == "web-1"
    stuck = [finding for finding in found["findings"] if finding["symptom"] == "one-sided"]
    assert sorted(finding["entries"] for finding in stuck) == [1_200, 1_500]
    assert all(finding["enabled_by"] for finding in stuck if finding["entries"] == 1_500)
    why = {gap["what"]: gap["needs"] for gap in found["gaps"]}
    assert why["settings of ct-101"] == ["vzctl exec 101 sysctl -a"]
    assert "counters of host" in why  # files alone tell nothing of now
    assert not found["complete"]


def test_nothing_of_this_machine_gets_in(node: Path) -> None:
    done = collected(SHELLS["dash"], {**os.environ, "HALFTRACK_ROOT": str(node)})
    assert os.uname().nodename != "node17"
    assert b"Missing: nsenter conntrack ip nft tc ss" in done.stderr
    found = doctor("-", stdin=done.stdout)
    assert {table["netns"] for table in found["tables"]} == {"host", "ct-101"}


def test_without_a_container_that_more_there_is_cannot_be_told(node: Path) -> None:
    for path in ("proc/vz/veinfo", "proc/vz/version"):
        (node / path).unlink()
    (node / "proc/vz").rmdir()
    found = said(node, "dash")
    assert [table["netns"] for table in found["tables"]] == ["host"]
    assert "other network namespaces" in {gap["what"] for gap in found["gaps"]}

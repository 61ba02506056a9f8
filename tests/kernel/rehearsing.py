"""A namespace in a node's place for rehearsals, and all of it that a rehearsal must leave as it is."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np

from halftrack.evidence import addresses, uapi
from halftrack.kernel import ctnetlink
from kernel.draining import SERVER, Ran, stuck
from kernel.inject import End, Entries, inject
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

CAPS = ("nf_conntrack_tcp_timeout_unacknowledged", "nf_conntrack_tcp_timeout_max_retrans")
ANSWERED = uapi.IPS_CONFIRMED | uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
RULES = """table inet admin {
  set blocked { type ipv4_addr; flags interval; elements = { 192.0.2.0/24 } }
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    ip saddr @blocked drop
    tcp dport { 22, 80, 443 } accept
  }
}
"""
STATEFUL = """table inet admin {
  chain input {
    type filter hook input priority 0; policy drop;
    ct state established,related accept
    tcp dport 80 ct state new accept
  }
}
"""
STUCK = 600
_SHARED = re.compile(r"net\.netfilter\.nf_conntrack_(max|buckets|count|expect_max) ")
_TRIES = 10
LIVE = 40


class Rehearsed(Ran):
    @property
    def step(self) -> dict[str, Any]:
        [step] = self.document["steps"]
        return dict(step)

    def talk(self, service: str = "tcp/80") -> dict[str, Any]:
        [one] = [each for each in self.document["connections"] if each["service"] == service]
        return dict(one)


@contextlib.contextmanager
def node(rules: str = RULES) -> Iterator[Netns]:
    """The founding trouble behind a stateful firewall: stuck entries of tcp/80, some answered of tcp/443."""
    with scratch_netns("reh") as netns:
        netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        netns.run("nft", "-f", "-", stdin=rules)
        for name in CAPS:
            netns.sysctl(name, 432_000)
        stuck(netns, STUCK)
        answered(netns, LIVE, 443)
        yield netns


def answered(netns: Netns, count: int, port: int, first: int = 0) -> None:
    """``count`` answered connections to a port of the server."""
    clients = np.arange(count, dtype=np.uint32) + np.uint32(0x0A800001 + first)
    own = np.full(count, addresses.parse(SERVER)[1] & 0xFFFFFFFF, dtype=np.uint32)
    ends = End(clients, own, 40_001, port), End(own, clients, port, 40_001)
    form = {"state": uapi.TCP_CONNTRACK_ESTABLISHED, "status": ANSWERED, "timeout": 400_000}
    inject(netns.path, Entries(*ends, count=count, **form))


def command(netns: Netns, *words: str) -> list[str]:
    where = [] if words[0].startswith("/") else ["--netns", netns.path]  # a plan in a file says itself where
    return [sys.executable, "-m", "halftrack", "fix", *words, "--rehearse", *where]


def environment(home: Path) -> dict[str, str]:
    moved = {f"HALFTRACK_{name}_DIR": str(home / name.lower()) for name in ("STATE", "RUN", "ETC")}
    return {**os.environ, **moved}


def rehearse(netns: Netns, home: Path, *words: str, json: bool = True) -> Rehearsed:
    """Run it; nobody answers."""
    done = subprocess.run(
        command(netns, *words, *(["--json"] if json else [])),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=environment(home),
    )
    return Rehearsed(done.returncode, done.stdout, done.stderr)


def everything(netns: Netns) -> dict[str, object]:
    """Settings, rules with their handles, interfaces, routes; and the entries, but for the time they have left."""
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    frame = frame.filter(frame["l4proto"] == uapi.IPPROTO_TCP)  # interfaces say things of their own accord
    return {
        "settings": _settings(netns),
        "nft": netns.run("nft", "-a", "list", "ruleset"),
        "iptables": _legacy(netns),
        "links": netns.run("ip", "-o", "link"),
        "addresses": netns.run("ip", "-o", "address"),
        "routes": netns.run("ip", "route", "show", "table", "all"),
        "entries": frame.drop("timeout").sort(["id", "orig_dst_lo", "orig_dport"]).rows(),
    }


def unchanged(before: dict[str, object], netns: Netns) -> None:
    """All is as it was. While somebody resizes the hash, which all tests share, a dump may miss entries."""
    now = everything(netns)
    for _ in range(_TRIES):
        if now == before:
            return
        time.sleep(1)
        now = everything(netns)
    for name, value in before.items():
        assert now[name] == value, (name, _differing(now[name], value))


def _differing(now: object, before: object) -> object:
    if isinstance(now, list) and isinstance(before, list):
        return [one for one in now if one not in before], [one for one in before if one not in now]
    return now, before


def _settings(netns: Netns) -> list[str]:
    """Without those that are the machine's: other tests change them."""
    lines = netns.run("sysctl", "-a", "--pattern", r"^net\.(netfilter|ipv4|ipv6)\.").splitlines()
    return [line for line in lines if not _SHARED.match(line)]


def _legacy(netns: Netns) -> list[str]:
    """Looking at a table of iptables-legacy makes it where it is not there."""
    if not netns.run("cat", "/proc/net/ip_tables_names"):
        return []
    lines = netns.run("iptables-legacy-save").splitlines()
    return [line for line in lines if not line.startswith("#")]  # when it was looked at


def left(netns: Netns) -> list[int]:
    """Seconds that the entries have left, in a fixed order."""
    frame = ctnetlink.dump(netns_path=netns.path).flows.frame
    return list(frame.sort(["l4proto", "orig_src_lo", "orig_dst_lo", "orig_sport", "orig_dport"])["timeout"])

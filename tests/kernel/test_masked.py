"""A masked bundle holds nothing of its node's own, and its doctor says the same, once it is unmasked."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from halftrack.evidence import uapi
from kernel.draining import LEFT_S, SERVER, sick_netns
from kernel.inject import End, Entries, inject
from leaks import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

_SIX = "2001:db8:7::73"
_CLIENT_SIX = "2001:db8:9::14"
_MAC = "02:42:ac:11:00:73"
_RULES = f"""
table inet ours {{
  set peers {{ type ipv4_addr; flags interval; elements = {{ 10.0.0.1-10.0.0.9, 10.0.4.0/22, 198.18.7.7 }} }}
  chain in {{
    type filter hook input priority 0;
    ip saddr 10.0.0.1 tcp dport 80 counter accept comment "10.0.0.1 of acme-billing"
    ip saddr 10.0.0.10 tcp dport 80 accept comment "acme, and {_CLIENT_SIX}"
    ip saddr 10.0.0.0/16 ct state invalid counter drop
    ip saddr @peers accept
    ip6 saddr {_CLIENT_SIX} accept
    ip6 saddr 2001:db8:9::/48 ct state invalid drop
    ether saddr {_MAC} accept
    iifname "veth-acme" accept
  }}
  chain dstnat {{
    type nat hook prerouting priority -100;
    ip daddr {SERVER} tcp dport 8080 dnat ip to 10.88.0.14:80 comment "shop-acme/web"
  }}
}}
"""
_ADDRESSES = (
    SERVER, _SIX, _CLIENT_SIX, "10.0.0.1", "10.0.0.9", "10.0.0.10", "10.0.4.0", "198.18.7.7", "10.0.0.100",
    "10.88.0.14", "2001:db8:9::", "10.0.5.219", "10.1.134.161",
)  # fmt: skip
_WORDS = ("acme", "billing", "acme-billing", "shop-acme", "veth-acme", "shop")
_NOT_THE_SAME = ("seconds", "input")


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with sick_netns("web-acme") as netns:
        netns.run(*f"ip link add veth-acme address {_MAC} type veth peer name other".split())
        netns.run("ip", "address", "add", f"{SERVER}/24", "dev", "veth-acme")
        netns.run("ip", "address", "add", f"{_SIX}/64", "dev", "veth-acme", "nodad")
        netns.run("ip", "link", "set", "veth-acme", "up")
        netns.run("nft", "-f", "-", stdin=_RULES)
        raw = [socket.inet_pton(socket.AF_INET6, each) for each in (_SIX, _CLIENT_SIX)]
        ports = np.arange(300, dtype=np.uint16) + 30_000
        inject(
            netns.path,
            Entries(
                End(raw[0], raw[1], 443, ports),
                End(raw[1], raw[0], ports, 443),
                count=300,
                timeout=LEFT_S,
                state=uapi.TCP_CONNTRACK_ESTABLISHED,
                status=uapi.IPS_CONFIRMED,
                family=uapi.AF_INET6,
            ),
        )
        yield netns


def names(netns: Netns) -> tuple[str, ...]:
    return (*_WORDS, netns.name, os.uname().nodename)


def halftrack(*words: str, cwd: Path, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "halftrack", *words],
        input=stdin, stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True, check=False, timeout=120, cwd=cwd,
    )  # fmt: skip


def said(document: bytes) -> dict[str, Any]:
    """Of several peers with equally many entries, any may be named: they are compared by their numbers."""
    whole = json.loads(document)
    for group in (group for finding in whole["findings"] for group in finding["groups"]):
        counts = [peer["entries"] for peer in group["top_peers"]]
        group["top_peers"] = [
            peer if counts.count(peer["entries"]) == 1 else peer["entries"] for peer in group["top_peers"]
        ]
    return {name: its for name, its in whole.items() if name not in _NOT_THE_SAME}


def doctor(source: str, cwd: Path) -> bytes:
    done = halftrack("doctor", source, "--json", "--exit-zero", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_scanner_finds_what_is_there(sick: Netns, tmp_path: Path) -> None:
    """Or it would find nothing in what is masked either."""
    assert halftrack("collect", "--netns", sick.name, "-o", "a.tgz", cwd=tmp_path).returncode == 0
    found = leaks((tmp_path / "a.tgz").read_bytes(), _ADDRESSES, names(sick), [_MAC])
    assert {each.partition(" as ")[0] for each in found} >= {*_ADDRESSES, *names(sick), _MAC} - {"10.0.0.100"}


def test_nothing_is_left_and_the_doctor_says_the_same(sick: Netns, tmp_path: Path) -> None:
    assert halftrack("collect", "--netns", sick.name, "-o", "plain.tgz", cwd=tmp_path).returncode == 0
    made = halftrack("collect", "--mask", "--from", "plain.tgz", "-o", "masked.tgz", cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert b"masked.map" in made.stderr
    assert (tmp_path / "masked.map").stat().st_mode & 0o777 == 0o600

    masked = (tmp_path / "masked.tgz").read_bytes()
    assert leaks(masked, _ADDRESSES, names(sick), [_MAC]) == []
    assert leaks(made.stdout, _ADDRESSES, names(sick)) == []

    there = doctor("masked.tgz", tmp_path)
    assert json.loads(there)["input"]["masked"] == "substituted"
    assert leaks(there, _ADDRESSES, names(sick)) == []
    (tmp_path / "there.json").write_bytes(there)
    back = halftrack("unmask", "there.json", "--map", "masked.map", cwd=tmp_path)
    assert said(back.stdout) == said(doctor("plain.tgz", tmp_path))
    assert sum(finding["entries"] for finding in said(back.stdout)["findings"]) >= 2_200


def test_a_bundle_is_unmasked_as_well(sick: Netns, tmp_path: Path) -> None:
    assert halftrack("collect", "--netns", sick.name, "-o", "plain.tgz", cwd=tmp_path).returncode == 0
    halftrack("collect", "--mask", "--from", "plain.tgz", "-o", "masked.tgz", cwd=tmp_path)
    done = halftrack("unmask", "masked.tgz", "--map", "masked.map", "-o", "back.tgz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert said(doctor("back.tgz", tmp_path)) == said(doctor("plain.tgz", tmp_path))

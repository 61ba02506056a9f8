"""Connections of a rehearsal take the way that the entries show: here, through here, from here; IPv4, IPv6."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import numpy as np
import pytest

from halftrack.changes.rehearsal import rehearsing
from halftrack.evidence import addresses, uapi
from halftrack.kernel import tools
from halftrack.plans.actions import Drain, SetSysctl
from kernel.changing import ESTABLISHED, LOOSE, Site, plan
from kernel.draining import SERVER, stuck
from kernel.inject import End, Entries, inject
from kernel.rehearsing import ANSWERED, everything, rehearse, unchanged
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

INNER = "10.88.0.14"
FORM = {"state": uapi.TCP_CONNTRACK_ESTABLISHED, "status": ANSWERED, "timeout": 400_000}


def packed(address: str) -> bytes:
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


@contextlib.contextmanager
def router(rules: str) -> Iterator[Netns]:
    """Its uplink is out0, and a container's bridge is inner0."""
    with scratch_netns("reh") as netns:
        netns.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")  # it would look for neighbours
        netns.run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "far0")
        netns.run("ip", "link", "add", "inner0", "type", "bridge")
        for name in ("out0", "far0", "inner0"):
            netns.run("ip", "link", "set", name, "up")
        netns.run("ip", "address", "add", f"{SERVER}/24", "dev", "out0")
        netns.run("ip", "address", "add", "10.88.0.1/16", "dev", "inner0")
        netns.run("ip", "route", "add", "default", "via", "203.0.113.1")
        netns.run("nft", "-f", "-", stdin=rules)
        yield netns


def entries(netns: Netns, count: int, orig: tuple[str, int], reply: tuple[str, int]) -> None:
    """Answered ones of clients from 198.18.1.1 on: what they connected to, and who answered."""
    clients = np.arange(count, dtype=np.uint32) + np.uint32(0xC6120101)
    front, back = (
        np.full(count, addresses.parse(one)[1] & 0xFFFFFFFF, np.uint32) for one, _ in (orig, reply)
    )
    ends = End(clients, front, 40_001, orig[1]), End(back, clients, reply[1], 40_001)
    inject(netns.path, Entries(*ends, count=count, **FORM))


def test_a_published_port_is_reached_through_the_nodes_own_translation(tmp_path: Path) -> None:
    """By rules that name interfaces, too."""
    rules = """
table ip nat {
  chain in {
    type nat hook prerouting priority -100
    iifname "out0" ip daddr 203.0.113.73 tcp dport 8080 dnat to 10.88.0.14:80
  }
}
table inet admin {
  chain forward {
    type filter hook forward priority 0; policy drop
    ct state established,related accept
    iifname "out0" oifname "inner0" ct status dnat accept
  }
}
"""
    with router(rules) as netns:
        entries(netns, 50, (SERVER, 8080), (INNER, 80))
        before = everything(netns)
        found = rehearse(netns, tmp_path, "shorten-established")
        unchanged(before, netns)
    assert found.code == 0, found.out + found.err
    [talk] = found.document["connections"]
    assert (talk["front"], talk["back"]) == (f"{SERVER}:8080", f"{INNER}:80")
    assert talk["client"].startswith("198.18.1.")
    assert (talk["opened"], talk["still"], talk["anew"]) == (True, True, True)
    assert talk["kept"]["before"] > 430_000
    assert 7_430 < talk["kept"]["after"] <= 7_440


def test_each_service_is_behind_the_interface_that_leads_to_it(tmp_path: Path) -> None:
    """Rules let each pass to its own alone; one container is another one's client."""
    rules = """
table inet admin {
  chain forward {
    type filter hook forward priority 0; policy drop
    ct state established,related accept
    iifname "out0" oifname "inner0" tcp dport 80 accept
    iifname "inner0" oifname "inner1" tcp dport 5432 accept
  }
}
"""
    far = "10.99.0.5"
    with router(rules) as netns:
        netns.run("ip", "link", "add", "inner1", "type", "bridge")
        netns.run("ip", "link", "set", "inner1", "up")
        netns.run("ip", "route", "add", f"{far}/32", "dev", "inner1")
        entries(netns, 50, (INNER, 80), (INNER, 80))
        ports = np.arange(30) + 41_000
        ends = (
            End(packed("10.88.0.20"), packed(far), ports, 5432),
            End(packed(far), packed("10.88.0.20"), 5432, ports),
        )
        inject(netns.path, Entries(*ends, count=30, **FORM))
        found = rehearse(netns, tmp_path, "shorten-established")
    assert found.code == 0, found.out + found.err
    talks = {one["service"]: one for one in found.document["connections"]}
    assert talks["tcp/5432"]["client"] == "10.88.0.20"
    assert {name: one["opened"] for name, one in talks.items()} == {"tcp/80": True, "tcp/5432": True}
    assert all(one["still"] and one["anew"] for one in talks.values())


def test_rules_that_do_not_let_it_pass_are_no_fault_of_the_plan(tmp_path: Path) -> None:
    rules = "table inet admin { chain f { type filter hook forward priority 0; policy drop; }; }"
    with router(rules) as netns:
        entries(netns, 50, (INNER, 80), (INNER, 80))
        found = rehearse(netns, tmp_path, "shorten-established")
    assert found.code == 0, found.err
    [talk] = found.document["connections"]
    assert talk["opened"] is False
    assert talk["still"] is None
    assert "rules do not let it be opened" in talk["why"]


def test_the_node_may_be_the_client(tmp_path: Path) -> None:
    rules = """
table inet admin {
  chain input { type filter hook input priority 0; policy drop; ct state established accept; }
}
""".replace("; }", "\n}")
    with router(rules) as netns:
        ports = np.arange(30) + 41_000
        own, far = packed(SERVER), packed("198.51.100.9")
        ends = End(own, far, ports, 443), End(far, own, 443, ports)
        inject(netns.path, Entries(*ends, count=30, **FORM))
        found = rehearse(netns, tmp_path, "strict-pickup")
    assert found.code == 0, found.out + found.err
    [talk] = found.document["connections"]
    assert (talk["client"], talk["back"]) == (SERVER, "198.51.100.9:443")
    assert (talk["still"], talk["anew"]) == (True, True)
    assert talk["kept"]["after"] > 430_000


@pytest.mark.parametrize("local", [True, False])
def test_ipv6(tmp_path: Path, *, local: bool) -> None:
    server, client = "2001:db8::73", "2001:db8:1::7"
    with scratch_netns("reh") as netns:
        if local:
            netns.run("ip", "-6", "address", "add", f"{server}/128", "dev", "lo", "nodad")
        ports = np.arange(30) + 41_000
        ends = (
            End(packed(client), packed(server), ports, 443),
            End(packed(server), packed(client), 443, ports),
        )
        form = {**FORM, "family": uapi.AF_INET6}
        inject(netns.path, Entries(*ends, count=30, **form))
        found = rehearse(netns, tmp_path, "strict-pickup")
    assert found.code == 0, found.out + found.err
    [talk] = found.document["connections"]
    assert (talk["client"], talk["back"]) == (client, f"[{server}]:443")
    assert (talk["opened"], talk["still"], talk["anew"]) == (True, True, True)
    assert talk["late"]["before"] is not None
    assert talk["late"]["after"] is None


def test_a_service_on_loopback_is_talked_to_inside(tmp_path: Path) -> None:
    with scratch_netns("reh") as netns:
        own = packed("127.0.0.1")
        ports = np.arange(30) + 41_000
        ends = End(own, own, ports, 5432), End(own, own, 5432, ports)
        inject(netns.path, Entries(*ends, count=30, **FORM))
        found = rehearse(netns, tmp_path, "shorten-established")
    assert found.code == 0, found.out + found.err
    [talk] = found.document["connections"]
    assert (talk["client"], talk["front"]) == ("127.0.0.1", "127.0.0.1:5432")
    assert 7_430 < talk["kept"]["after"] <= 7_440
    assert talk["late"] is None


def test_a_node_with_iptables_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tracker is woken by a rule of iptables then. The plan comes from a file: it saw no value before."""
    found = tools.find
    monkeypatch.setattr(tools, "find", lambda name: None if name == "nft" else found(name))
    with scratch_netns("reh") as netns:
        netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        for rule in ("-A INPUT -m conntrack --ctstate ESTABLISHED", "-A INPUT -p tcp --dport 80"):
            netns.run("iptables-legacy", *rule.split(), "-j", "ACCEPT")
        netns.run("iptables-legacy", "-P", "INPUT", "DROP")
        stuck(netns, 50)
        before = everything(netns)
        site = Site(netns, tmp_path)
        told = rehearsing.rehearse(plan([SetSysctl(where=site.where, name=ESTABLISHED, after="7440")]))
        unchanged(before, netns)
    assert told.against == ()
    [copied] = told.copied
    assert copied.rules == ("iptables-legacy table filter",)
    [talk] = told.connections
    assert talk.opened
    assert talk.kept is not None
    assert (talk.kept.foretold, talk.kept.agrees) == (7_440, True)


def test_a_plan_for_two_namespaces_is_rehearsed_on_two_copies(tmp_path: Path) -> None:
    with scratch_netns("reh") as one, scratch_netns("reh") as two:
        for netns, count in ((one, 30), (two, 50)):
            stuck(netns, count)
        sites = [Site(netns, tmp_path) for netns in (one, two)]
        steps = [
            [SetSysctl(where=sites[0].where, name=LOOSE, after="0")],
            [Drain(where=sites[1].where, filter=("one-sided",), mode="delete")],
        ]
        before = [everything(netns) for netns in (one, two)]
        found = rehearse(one, tmp_path, str(sites[0].plan(*steps)))
        for netns, was in zip((one, two), before, strict=True):
            unchanged(was, netns)
    assert found.code == 0, found.out + found.err
    assert [each["entries"] for each in found.document["samples"]] == [30, 50]
    assert [step["state"] for step in found.document["steps"]] == ["held", "held"]


def test_of_a_large_table_a_part_is_drawn(tmp_path: Path) -> None:
    with scratch_netns("reh") as netns:
        stuck(netns, 30_000)
        stuck(netns, 3_000, port=8443, first=100_000)
        site = Site(netns, tmp_path)
        action = Drain(where=site.where, filter=("one-sided", "sport=8443"), expected=3_000)
        found = rehearse(netns, tmp_path, str(site.plan([action])))
    assert found.code == 0, found.out + found.err
    [sample] = found.document["samples"]
    assert (sample["table"], sample["affected"], sample["entries"]) == (33_000, 3_000, 20_000)
    assert sample["entries_affected"] == 3_000
    assert found.step["happened"]["others"] == 0
    assert found.document["cost"]["entries"] == 20_000

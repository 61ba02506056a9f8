"""A service goes untracked behind rules that let known connections pass alone: what the plan adds suffices."""

from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.changes import rules as rule_writes
from halftrack.evidence.values import Firewall
from halftrack.kernel import interfaces
from halftrack.live import rules
from halftrack.plans import rules as texts
from halftrack.plans.actions import AddRules, Untracked
from halftrack.plans.words import Spelling
from halftrack.remedies import notrack
from kernel.remedying import evidence_of, table_of
from kernel.routed import SERVER, SERVER6, Network, routed
from unit.situations import situation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

_PORT: Final = 80
_NFT: Final = """
table inet filter {{
  chain {hook} {{ type filter hook {hook} priority 0; policy drop;
    ct state invalid drop
    ct state established,related accept
    meta l4proto ipv6-icmp accept
    tcp dport {{ 22, 80 }} ct state new accept
  }}
}}
"""
_SAVE: Final = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:{chain} DROP [0:0]
-A {chain} -m conntrack --ctstate INVALID -j DROP
-A {chain} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A {chain} -p {icmp} -j ACCEPT
-A {chain} -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j ACCEPT
COMMIT
"""


@pytest.fixture
def network() -> Iterator[Network]:
    with routed() as made:
        yield made


def _load(netns: Netns, tool: str, hook: str) -> None:
    if tool == "nft":
        netns.run("nft", "-f", "-", stdin=_NFT.format(hook=hook))
        return
    for family in ("iptables", "ip6tables"):
        text = _SAVE.format(chain=hook.upper(), icmp="icmp" if family == "iptables" else "ipv6-icmp")
        netns.run(tool.replace("iptables", family) + "-restore", stdin=text)


def _planned(netns: Netns, tool: str, address: str) -> AddRules:
    """What is planned for the service in this namespace, with its rules as they are now."""
    local = netns.call(interfaces.addresses)
    table = table_of(netns, addresses=local)
    firewall = Firewall(tool="nft" if tool == "nft" else "iptables", systemd=True)
    here = replace(situation(evidence_of(table, firewall=firewall)), rules=netns.call(rules.here))
    advice = notrack.propose(here, {"service": f"tcp/{_PORT}", "address": address})
    [action, *_] = notrack.actions(here, advice)
    assert isinstance(action, AddRules)
    return action


def _answers(network: Network, address: str, within_s: float = 15) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    listener = network.server.call(lambda: socket.create_server((address, _PORT), family=family))
    with listener:
        try:
            client = network.client.call(lambda: socket.create_connection((address, _PORT), timeout=within_s))
        except TimeoutError:
            return False
        with client:
            server, _ = listener.accept()
            with server:
                client.settimeout(5)
                server.settimeout(5)
                client.sendall(b"a")
                assert server.recv(1) == b"a"
                server.sendall(b"b")
                return client.recv(1) == b"b"


@pytest.mark.parametrize("hook", ["input", "forward"])
@pytest.mark.parametrize("address", [SERVER, SERVER6])
@pytest.mark.parametrize("tool", ["nft", "iptables-nft", "iptables-legacy"])
def test_a_service_answers_without_tracking_once_what_is_planned_is_there(
    network: Network, tool: str, address: str, hook: str
) -> None:
    netns = network.server if hook == "input" else network.router
    _load(netns, tool, hook)
    assert _answers(network, address)
    action = _planned(netns, tool, address)
    rule = action.rule
    assert isinstance(rule, Untracked)
    if tool == "nft":
        assert not rule.accept
        lines = texts.to_accept(rule, Spelling({})).split("; ")
        assert len(lines) == 2
        for line in lines:
            netns.run(*line.split())
        action = _planned(netns, tool, address)
        assert isinstance(action.rule, Untracked)
        assert not action.rule.by_hand
    else:
        assert not rule.by_hand
        assert rule.accept == (hook.upper(),)
    for write in rule_writes.writes(action):
        write.do()
    netns.run("conntrack", "-F")
    assert _answers(network, address)
    assert "dport=80" not in netns.run("conntrack", "-L", "-f", "ipv6" if ":" in address else "ipv4")


@pytest.mark.parametrize("hook", ["input", "forward"])
def test_without_that_it_does_not_answer(network: Network, hook: str) -> None:
    """What was said to be needed is: the rule alone would cut the service off."""
    netns = network.server if hook == "input" else network.router
    _load(netns, "nft", hook)
    action = _planned(netns, "nft", SERVER)
    assert isinstance(action.rule, Untracked)
    text, _, _ = texts.nft_untracked(action.rule, "alone", Spelling({}))
    netns.run("nft", "-f", "-", stdin=text)
    assert not _answers(network, SERVER, within_s=1.5)

"""Rules of our own on the real kernel: put in, seen, taken out without a trace, in every flavour."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from halftrack.changes import rules
from halftrack.changes.writes import Seen
from halftrack.changes.writes.kinds import AnyWrite
from halftrack.errors import HalftrackError, Incomplete, UnreadableInput
from halftrack.plans.actions import AddRules, TimeoutPolicy, Untracked, Where

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kernel.scratch import Netns

V4 = Untracked(protocol="tcp", port=80, address="203.0.113.73")
V6 = Untracked(protocol="udp", port=53, address="2001:db8::73", family="ip6")
POLICY = TimeoutPolicy(port=8883, timeouts={"established": 7440, "unacknowledged": 60})
RULES = [V4, V6, POLICY, TimeoutPolicy(port=22, timeouts={"close_wait": 30}, address="203.0.113.73")]
TOOLS = ["nft", "iptables-nft", "iptables-legacy"]


@pytest.fixture(params=TOOLS)
def tool(request: pytest.FixtureRequest, netns: Netns) -> str:
    """The tool of a plan; where it is a flavour of iptables, this namespace has rules of that flavour."""
    if request.param == "nft":
        netns.run(
            "nft", "add table inet admin; add chain inet admin c { type filter hook input priority 0; }"
        )
        return "nft"
    for ip in ("iptables", "ip6tables"):
        netns.run(f"{ip}{request.param.removeprefix('iptables')}", "-A", "INPUT", "-p", "tcp", "-j", "ACCEPT")
    return "iptables"


def ruleset(netns: Netns) -> tuple[Any, list[str]]:
    listed = json.loads(netns.run("nft", "-j", "list", "ruleset"))["nftables"]
    for item in listed:
        for inner in item.values():
            inner.pop("handle", None)
    legacy = [
        line
        for ip, names in (("iptables", "ip_tables_names"), ("ip6tables", "ip6_tables_names"))
        for table in netns.run("cat", f"/proc/net/{names}").split()
        for line in netns.run(f"{ip}-legacy-save", "-t", table).splitlines()
        if not line.startswith("#") and ("A " in line)
    ]
    return [item for item in listed if "metainfo" not in item], legacy


def where(netns: Netns) -> Where:
    return Where(netns=netns.name, path=netns.path, inode=netns.inode)


def planned(netns: Netns, tool: str, rule: Untracked | TimeoutPolicy) -> list[AnyWrite]:
    return rules.writes(AddRules(where=where(netns), tool="nft" if tool == "nft" else "iptables", rule=rule))


def seen(writes: Iterable[AnyWrite]) -> set[Seen]:
    return {write.look().seen for write in writes}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{type(rule).__name__}-{rule.port}")
def test_rules_come_and_go_without_a_trace(netns: Netns, tool: str, rule: Untracked | TimeoutPolicy) -> None:
    before = ruleset(netns)
    writes = planned(netns, tool, rule)
    assert writes
    assert ruleset(netns) == before, "planning changes nothing"
    writes = msgspec.json.decode(msgspec.json.encode(writes), type=list[AnyWrite])
    assert seen(writes) == {Seen.BEFORE}
    for write in writes:
        write.do()
    assert seen(writes) == {Seen.AFTER}
    during = ruleset(netns)
    assert during != before
    for write in writes:
        write.do()
    assert ruleset(netns) == during, "doing it twice is doing it once"
    assert planned(netns, tool, rule) == [], "nothing to do where it holds"
    for write in reversed(writes):
        write.undo()
    assert seen(writes) == {Seen.BEFORE}
    assert ruleset(netns) == before
    for write in reversed(writes):
        write.undo()
    assert ruleset(netns) == before


def test_rules_of_two_changes_go_in_any_order(netns: Netns, tool: str) -> None:
    before = ruleset(netns)
    first = planned(netns, tool, V4)
    for write in first:
        write.do()
    second = planned(netns, tool, POLICY)
    for write in second:
        write.do()
    for write in reversed(first):
        write.undo()
    assert seen(second) == {Seen.AFTER}
    for write in reversed(second):
        write.undo()
    assert ruleset(netns) == before


def test_what_somebody_changed_is_seen(netns: Netns, tool: str) -> None:
    writes = planned(netns, tool, V4)
    for write in writes:
        write.do()
    if tool == "nft":
        chain = next(name for kind, name in writes[0].objects if kind == "chain")
        netns.run("nft", "add", "rule", "inet", "halftrack", chain, "tcp", "dport", "1", "notrack")
    else:
        flavour = writes[0].flavour
        netns.run(f"iptables-{flavour}", "-t", "raw", "-A", writes[0].chain, "-p", "tcp", "-j", "ACCEPT")
    assert Seen.OTHER in seen(writes)
    with pytest.raises(Incomplete, match="there already"):
        planned(netns, tool, V4)


def test_an_empty_table_of_ours_stays(netns: Netns) -> None:
    netns.run("nft", "add table inet halftrack")
    before = ruleset(netns)
    writes = planned(netns, "nft", POLICY)
    writes[0].do()
    writes[0].undo()
    assert ruleset(netns) == before


def test_addresses_and_ports_are_looked_at_before_any_tool_is(netns: Netns) -> None:
    for address in ("203.0.113.73; flush ruleset", "$ADDR_1", "", "fe80::1%x; y", "any"):
        with pytest.raises(UnreadableInput, match="not fit for a rule"):
            planned(netns, "nft", Untracked(protocol="tcp", port=80, address=address))
    for rule in (
        Untracked(protocol="tcp}", port=80, address="203.0.113.73"),
        Untracked(protocol="tcp", port=0, address="203.0.113.73"),
        Untracked(protocol="tcp", port=80, address="203.0.113.73", accept=("X; Y",)),
        TimeoutPolicy(port=1, timeouts={"established; x": 1}),
        TimeoutPolicy(port=1, timeouts={"established": -1}),
    ):
        with pytest.raises(HalftrackError):
            planned(netns, "iptables", rule)

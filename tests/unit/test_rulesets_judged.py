"""How packets fare under real-life rulesets: with an entry, without one, untracked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from halftrack.evidence.rulesets import Base, Chain, Condition, Rule, Ruleset, RuleTable
from halftrack.formats import rules
from halftrack.rulesets import comparing, entries, services
from halftrack.rulesets.packets import BEGINS, ESTABLISHED, INVALID, UNTRACKED, Packet
from halftrack.rulesets.services import Service
from unit.flowrows import ONE_SIDED, flows, one_sided, row
from unit.rules import difference, nft, number, packet, saved

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE = "203.0.113.73"
PEER = "198.51.100.7"
TO_US: Mapping[str, Any] = {"to_here": True}
FROM_US: Mapping[str, Any] = {"from_here": True}


def fate(found: Ruleset, one: Packet, standing: Any, without: Any) -> tuple[str, bool, str] | None:
    told = difference(found, one, standing, without)
    return None if told is None else (told.fate, told.certain, told.by.text)


@pytest.mark.parametrize(
    ("name", "one", "without", "expected"),
    [
        # What is let in by its port alone fares the same without an entry; other things do not.
        ("ufw", packet(PEER, HERE, 50_000, 443, **TO_US), BEGINS, None),
        ("ufw", packet(PEER, HERE, 50_000, 443, **TO_US), UNTRACKED, None),
        ("ufw", packet(PEER, HERE, 443, 50_000, **TO_US), BEGINS, ("dropped", True, "policy drop")),
        ("ufw", packet(HERE, PEER, 50_000, 443, **FROM_US), INVALID, None),
        ("ufw", packet(PEER, "10.0.0.1", 50_000, 443), BEGINS, ("dropped", True, "policy drop")),
        ("firewalld", packet(PEER, HERE, 50_000, 443, **TO_US), BEGINS, None),
        (
            "firewalld",
            packet(PEER, HERE, 50_000, 443, **TO_US),
            INVALID,
            ("dropped", True, "ct state invalid drop"),
        ),
        ("firewalld", packet(PEER, HERE, 50_000, 443, **TO_US), UNTRACKED, None),
        ("policy-drop", packet(PEER, HERE, 50_000, 80, **TO_US), BEGINS, None),
        ("policy-drop", packet(PEER, HERE, 50_000, 80, **TO_US), UNTRACKED, ("dropped", True, "policy drop")),
        ("policy-drop", packet("10.1.2.3", HERE, 50_000, 80, **TO_US), UNTRACKED, None),
        ("policy-drop", packet("2001:db8::7", "2001:db8::1", 50_000, 80, **TO_US), BEGINS, None),
        ("policy-drop", packet(PEER, "10.0.0.1", 1, 2), ESTABLISHED, None),
    ],
)
def test_a_packet_with_an_entry_and_without(
    name: str, one: Packet, without: Any, expected: tuple[str, bool, str] | None
) -> None:
    found = saved(name) if name == "ufw" else nft(name)
    assert fate(found, one, ESTABLISHED, without) == expected


def test_what_loopback_carries_is_let_pass_by_the_device() -> None:
    both = {"from_here": True, "to_here": True}
    assert fate(saved("ufw"), packet(HERE, HERE, 1, 2, **both), ESTABLISHED, BEGINS) is None
    # ufw drops what is invalid behind that; the device is not known where the address is not.
    unknown = {"from_here": None, "to_here": None}
    told = fate(saved("ufw"), packet(HERE, HERE, 1, 2, **unknown), ESTABLISHED, BEGINS)
    assert told is not None


def test_translation_is_told_of_packets_that_would_begin_an_entry() -> None:
    to_container = packet(PEER, HERE, 50_000, 8080, **TO_US)
    told = difference(saved("docker"), to_container, ESTABLISHED, BEGINS)
    assert told is not None
    assert (told.fate, told.by.chain, told.by.position) == ("translated", "DOCKER", 2)
    assert "--to-destination 172.17.0.2:80" in told.by.words
    assert fate(saved("docker"), packet(PEER, HERE, 50_000, 22, **TO_US), ESTABLISHED, BEGINS) is None
    assert fate(saved("docker"), to_container, ESTABLISHED, INVALID) is None


def test_a_rule_on_the_device_may_hold_and_that_is_said() -> None:
    outwards = packet("172.17.0.2", PEER, 50_000, 443)
    told = difference(saved("docker"), outwards, ESTABLISHED, BEGINS)
    assert told is not None
    assert not told.certain
    assert told.by.text in {
        "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
        "policy drop",
    }


@pytest.mark.parametrize("kind", ["iptables", "nft"])
def test_kube_proxy_translates_its_services_and_nothing_else(kind: str) -> None:
    found = saved("kube-proxy") if kind == "iptables" else nft("kube-proxy")
    service = packet("10.244.3.3", "10.96.12.34", 50_000, 80)
    told = difference(found, service, ESTABLISHED, BEGINS)
    assert told is not None
    assert told.fate == "translated"
    assert "10.244" in told.by.text
    other = difference(found, packet("10.244.3.3", "10.244.4.4", 50_000, 80), ESTABLISHED, BEGINS)
    # It is not told by its address whether a packet was marked for masquerading.
    assert other is None or (not other.certain and "masquerade" in other.by.text.lower())


def _ruleset(*made: Rule, policy: bool = True, more: Mapping[str, Chain] | None = None) -> Ruleset:
    base = Chain("c", made, Base("forward", 0, "filter", policy))
    return Ruleset((RuleTable("ip", "t", "nft", {"c": base, **(more or {})}),))


def _rule(action: Any, *conditions: Condition, target: str = "") -> Rule:
    return Rule(1, f"{action} {target}".strip(), conditions, action, target)


STATE = Condition("state", words=frozenset({"established"}))
NEW = Condition("state", words=frozenset({"new"}))
UNKNOWN = Condition("packet")
OF_ENTRY = Condition("entry")
ONE = packet(PEER, HERE, 50_000, 80)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (_ruleset(), None),
        (_ruleset(policy=False), None),
        (_ruleset(_rule("accept", UNKNOWN), policy=False), None),
        (_ruleset(_rule("drop", UNKNOWN), _rule("accept", STATE), _rule("accept", NEW), policy=False), None),
        (
            _ruleset(_rule("accept", STATE), _rule("accept", UNKNOWN), policy=False),
            ("dropped", False, "policy drop"),
        ),
        (_ruleset(_rule("accept", STATE, UNKNOWN), policy=False), ("dropped", False, "policy drop")),
        (_ruleset(_rule("drop", OF_ENTRY)), ("dropped", False, "drop")),
        (_ruleset(_rule("drop", NEW)), ("dropped", True, "drop")),
        (_ruleset(_rule("unclear")), ("unclear", False, "unclear")),
        (_ruleset(_rule("unclear", Condition("dport", ((81, 81),)))), None),
        (_ruleset(_rule("jump", target="nowhere")), ("unclear", False, "jump nowhere")),
        (_ruleset(_rule("read-entry")), None),
        (_ruleset(_rule("read-entry"), _rule("mark-entry")), ("unclear", False, "read-entry")),
        (_ruleset(_rule("drop", Condition("ct-mark", ((255, 1),)))), None),
        (_ruleset(_rule("drop", Condition("ct-mark", ((255, 0),)))), None),
        (_ruleset(_rule("drop", STATE)), ("let-pass", True, "policy accept")),
    ],
)
def test_what_is_the_same_for_both_is_no_difference(found: Ruleset, expected: Any) -> None:
    assert fate(found, ONE, ESTABLISHED, BEGINS) == expected


def test_chains_are_followed_and_left_again() -> None:
    inner = Chain("inner", (_rule("return", STATE), _rule("drop", NEW)))
    assert fate(_ruleset(_rule("jump", target="inner"), more={"inner": inner}), ONE, ESTABLISHED, BEGINS) == (
        "dropped", True, "drop",
    )  # fmt: skip
    harmless = Chain("inner", (_rule("return", STATE),))
    behind = (_rule("jump", target="inner"), _rule("accept"))
    assert fate(_ruleset(*behind, policy=False, more={"inner": harmless}), ONE, ESTABLISHED, BEGINS) is None
    gone = (_rule("goto", target="inner"), _rule("accept"))
    assert fate(_ruleset(*gone, policy=False, more={"inner": inner}), ONE, ESTABLISHED, BEGINS) is None
    circle = Chain("inner", (_rule("jump", UNKNOWN, target="inner"), _rule("jump", UNKNOWN, target="inner")))
    told = fate(_ruleset(_rule("jump", target="inner"), more={"inner": circle}), ONE, ESTABLISHED, BEGINS)
    assert told is not None
    assert told[0] == "unclear"
    chains = {f"c{i}": Chain(f"c{i}", (_rule("jump", target=f"c{i + 1}"),)) for i in range(2_000)}
    told = fate(_ruleset(_rule("jump", target="c0"), more=chains), ONE, ESTABLISHED, BEGINS)
    assert told is not None
    assert told[0] == "unclear"


def test_what_is_not_tracked_anyway_is_not_missed() -> None:
    raw = Chain("raw", (_rule("untrack", Condition("dport", ((80, 80),))),), Base("prerouting", -300))
    strict = Chain("c", (_rule("accept", STATE),), Base("forward", 0, "filter", accepts=False))
    found = Ruleset((RuleTable("ip", "t", "nft", {"raw": raw, "c": strict}),))
    assert fate(found, ONE, ESTABLISHED, BEGINS) is None
    assert fate(found, packet(PEER, HERE, 50_000, 81), ESTABLISHED, BEGINS) == (
        "dropped",
        True,
        "policy drop",
    )
    late = Chain("raw", raw.rules, Base("prerouting", -100))
    found = Ruleset((RuleTable("ip", "t", "nft", {"raw": late, "c": strict}),))
    assert fate(found, ONE, ESTABLISHED, BEGINS) == ("dropped", True, "policy drop")


def test_rules_of_a_bridge_that_go_by_the_entry_are_not_passed_over() -> None:
    """Whether a packet meets them depends on where its devices are."""
    chain = Chain("b", (_rule("drop", NEW),), Base("forward", 0))
    found = Ruleset((RuleTable("bridge", "t", "nft", {"b": chain}),))
    assert fate(found, ONE, ESTABLISHED, BEGINS) == ("unclear", False, "drop")
    plain = Chain("b", (_rule("drop", UNKNOWN),), Base("forward", 0))
    assert fate(Ruleset((RuleTable("bridge", "t", "nft", {"b": plain}),)), ONE, ESTABLISHED, BEGINS) is None


def test_what_could_not_be_read_is_said() -> None:
    told = difference(Ruleset(unread=("nft is not installed here",)), ONE, ESTABLISHED, BEGINS)
    assert told is not None
    assert (told.fate, told.by.words) == ("unclear", "nft is not installed here")


def _unmissed(
    found: Ruleset, *given: dict[str, Any], loose: bool = True
) -> tuple[list[bool], dict[str, int]]:
    told = entries.judged(found, flows(*given).frame, [number(HERE)], loose=loose, closing=True)
    return told.which.is_null().to_list(), dict(told.why())


def test_of_many_entries_those_are_told_that_a_rule_would_miss() -> None:
    web = one_sided(HERE, PEER, sport=443, dport=50_000)
    mqtt = one_sided(HERE, PEER, sport=8883, dport=50_000)
    passing = one_sided("10.0.0.5", PEER)
    six = one_sided("2001:db8::1", "2001:db8::2")
    mask, why = _unmissed(saved("ufw"), web, mqtt, passing, six)
    assert mask == [False, False, False, True]  # nothing was said of IPv6
    assert why == {
        "the packet that closes it would be dropped: ip filter ufw-before-input: "
        "-A ufw-before-input -m conntrack --ctstate INVALID -j DROP": 1,
        "it would be dropped: ip filter INPUT: policy drop": 1,
        "it would be dropped: ip filter FORWARD: policy drop": 1,
    }
    every = (
        "*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n-A FORWARD -m conntrack --ctstate NEW -j ACCEPT\nCOMMIT\n"
    )
    assert _unmissed(saved(every), web, mqtt, passing) == ([True, True, True], {})
    assert _unmissed(saved(every), web, loose=False) == ([True], {})


def test_translated_and_special_entries_are_missed_under_any_rules() -> None:
    nat = row(
        PEER, HERE, 50_000, 8080, status=(*ONE_SIDED, "dst-nat"), reply_src="172.17.0.2", reply_sport=80
    )
    ipvs = one_sided(PEER, HERE, sport=50_000, dport=80)
    helped = one_sided(HERE, PEER, helper="ftp")
    zoned = one_sided(HERE, PEER, zone=4)
    mask, why = _unmissed(Ruleset(), nat, ipvs, helped, zoned)
    assert mask == [False, True, False, False]
    assert why == {"its translation would be lost": 1, "it has a helper or a zone of its own": 2}
    balanced = rules.read(None, services="TCP  CB007149:0050 rr\n")
    mask, why = _unmissed(balanced, ipvs, one_sided(HERE, PEER, sport=81))
    assert mask == [False, True]
    assert why == {"IPVS hands it on: TCP CB007149:0050 rr": 1}
    marked = rules.read(None, services="FWM  0000000A wrr\n")
    assert _unmissed(marked, ipvs)[0] == [False]


def test_a_mark_that_rules_read_is_missed_with_the_entry() -> None:
    lines = "*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -j CONNMARK --restore-mark\nCOMMIT\n"
    mask, why = _unmissed(saved(lines), one_sided(HERE, PEER, mark=0), one_sided(HERE, PEER, mark=7))
    assert mask == [True, False]
    [told] = why
    assert told.startswith(
        "what becomes of it cannot be told: ip mangle PREROUTING: -A PREROUTING -j CONNMARK"
    )


def test_entries_that_rules_cannot_tell_apart_are_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [one_sided(HERE, f"198.51.{i // 200}.{i % 200 + 1}", dport=1_024 + i) for i in range(3_000)]
    asked: list[int] = []
    first = comparing.first

    def counted(*words: Any) -> Any:
        asked.append(1)
        return first(*words)

    monkeypatch.setattr(comparing, "first", counted)
    mask, _ = _unmissed(nft("policy-drop"), *many)
    assert len(mask) == 3_000
    assert len(asked) <= 4
    monkeypatch.setattr(entries, "MOST_KINDS", 1)
    _, why = _unmissed(nft("policy-drop"), *many[:5], one_sided(HERE, "10.1.1.1"))
    assert why["they are of more than 1 kinds to these rules"] == 1


def test_each_kind_is_judged_as_each_entry_would_be() -> None:
    given = [
        one_sided(src, dst, sport=sport, dport=dport)
        for src in (HERE, "10.0.0.0", "10.255.255.255", "11.0.0.0", "2001:db8::1")
        for dst in ((PEER, "10.0.0.1", "9.255.255.255") if ":" not in src else ("2001:db8::2", "fe80::1"))
        for sport in (22, 80, 81)
        for dport in (22, 50_000)
    ]
    told: list[bool] = []
    for found in (nft("policy-drop"), nft("firewalld"), saved("ufw"), saved("docker")):
        together, _ = _unmissed(found, *given)
        assert together == [_unmissed(found, each)[0][0] for each in given]
        told += together
    assert set(told) == {True, False}


def _service(port: int, *, here: bool = True, address: str = HERE) -> Service:
    return Service("ip6" if ":" in address else "ip", 6, port, number(address), here)


def _needs(found: Ruleset, service: Service) -> list[tuple[str, str, bool, bool, str]]:
    needed = services.needed(comparing.prepared(found), service)
    return [(each.base.table, each.base.chain, each.towards, each.back, each.why.by.text) for each in needed]


def test_a_service_without_tracking_needs_to_be_let_pass_where_only_known_connections_are() -> None:
    assert _needs(nft("policy-drop"), _service(80)) == [("inet filter", "input", True, False, "policy drop")]
    assert not _needs(saved("ufw"), _service(443))
    assert _needs(saved("ufw"), _service(8883)) == [("ip filter", "INPUT", True, False, "policy drop")]
    assert not _needs(nft("policy-drop"), _service(80, here=False))  # dropped today as well
    assert not _needs(Ruleset(), _service(80))
    both = "*filter\n:FORWARD DROP\n-A FORWARD -m state --state NEW,ESTABLISHED -j ACCEPT\nCOMMIT\n"
    assert _needs(saved(both), _service(80, here=False)) == [
        ("ip filter", "FORWARD", True, True, "policy drop")
    ]
    assert _needs(Ruleset(unread=("nft hangs",)), _service(80)) == [("", "", True, True, "nft hangs")]


def test_a_service_is_translated_by_the_rule_that_is_quoted() -> None:
    found = comparing.prepared(saved("docker"))
    told = services.translation(found, _service(8080))
    assert told is not None
    assert (told.fate, told.by.chain, told.by.position) == ("untranslated", "DOCKER", 2)
    assert services.translation(found, _service(80)) is None
    inside = services.translation(found, _service(443, here=False, address="172.17.0.2"))
    assert inside is not None
    assert (inside.certain, "MASQUERADE" in inside.by.text) == (False, True)
    for kind in (saved("kube-proxy"), nft("kube-proxy")):
        told = services.translation(comparing.prepared(kind), _service(80, here=False, address="10.96.12.34"))
        assert told is not None
        assert "10.244" in told.by.text
    balanced = comparing.prepared(rules.read(None, services="TCP  CB007149:0050 rr\nFWM  0000000A wrr\n"))
    for port, certain in ((80, True), (81, False)):
        told = services.translation(balanced, _service(port))
        assert told is not None
        assert told.certain is certain


def test_columns_that_are_not_known_do_not_break_it() -> None:
    frame = flows(one_sided(HERE, PEER)).frame.with_columns(
        pl.lit(None, pl.UInt16).alias("zone"), pl.lit(None, pl.UInt32).alias("mark")
    )
    told = entries.judged(Ruleset(), frame, None, loose=True, closing=True)
    assert told.which.to_list() == [None]
    assert entries.judged(nft("policy-drop"), frame.clear(), None, loose=True, closing=True).which.is_empty()

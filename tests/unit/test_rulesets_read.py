"""Rules of nft, iptables and IPVS as values: what decides is kept, what is not understood stays in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.rulesets import Base, Condition, Rule, Ruleset, Save
from halftrack.formats import rules
from halftrack.formats.rules import bounds
from unit.rules import NFT, SAVES, nft, number, saved, text

TCP = Condition("protocol", ((6, 6),))
IP = Condition("family", words=frozenset({"ip"}))


def rule(found: Ruleset, chain: str, position: int) -> Rule:
    [made] = [each for each in chain_rules(found, chain) if each.position == position]
    return made


def chain_rules(found: Ruleset, chain: str) -> tuple[Rule, ...]:
    return next(
        (t.chains[chain].rules for t in found.tables if chain in t.chains and t.chains[chain].rules), ()
    )


@pytest.mark.parametrize("name", NFT)
def test_rulesets_of_nft_are_understood_and_quoted_in_their_own_words(name: str) -> None:
    found = nft(name)
    assert not found.unread
    assert found.raw["nft -j list ruleset"] == text(f"{name}.json")
    told = [each for table in found.tables for chain in table.chains.values() for each in chain.rules]
    assert told
    lines = {line.strip().partition(" # handle")[0] for line in text(f"{name}.nft").splitlines()}
    assert {each.text for each in told} <= lines
    assert not any(condition.field == "entry" for each in told for condition in each.conditions)


@pytest.mark.parametrize("name", SAVES)
def test_rulesets_of_iptables_are_understood_and_quoted_in_their_own_words(name: str) -> None:
    found = saved(name)
    assert not found.unread
    told = [each for table in found.tables for chain in table.chains.values() for each in chain.rules]
    assert told
    assert all(each.text in text(f"{name}.save") for each in told)
    assert not any(each.action == "unclear" for each in told)


def test_a_chain_of_nft_has_its_hook_priority_and_policy() -> None:
    [table] = nft("policy-drop").tables
    assert (table.family, table.name, table.flavour) == ("inet", "filter", "nft")
    assert table.chains["input"].base == Base("input", 0, "filter", accepts=False)
    [proxy] = nft("kube-proxy").tables
    assert proxy.chains["nat-prerouting"].base == Base("prerouting", -100, "nat")
    assert proxy.chains["services"].base is None


def test_a_verdict_map_is_a_rule_for_each_of_its_elements() -> None:
    made = [each for each in chain_rules(nft("policy-drop"), "input") if each.position == 1]
    assert {(*each.conditions[0].words, each.action) for each in made} == {
        ("established", "accept"),
        ("related", "accept"),
        ("invalid", "drop"),
    }
    [service] = chain_rules(nft("kube-proxy"), "services")
    where = number("10.96.12.34")
    assert service.conditions == (
        IP,
        Condition("daddr", ((where, where),)),
        TCP,
        Condition("dport", ((80, 80),)),
    )
    assert (service.action, service.target) == ("goto", "service-web")


def test_named_sets_are_looked_up() -> None:
    trusted = rule(nft("policy-drop"), "input", 3)
    assert trusted.conditions == (
        IP,
        Condition("saddr", ((number("10.0.0.0"), number("10.255.255.255")),)),
    )


def test_a_negation_stands_before_its_option_or_as_of_old_behind_it() -> None:
    old = rule(saved("openvz"), "VE", 1)
    everybody = (number("203.0.113.0"), number("203.0.113.255"))
    assert Condition("saddr", (everybody,), negated=True) in old.conditions
    ssh = rule(saved("openvz"), "INPUT", 2)
    assert Condition("in", words=frozenset({"venet0"}), negated=True) in ssh.conditions
    new = rule(saved("kube-proxy"), "KUBE-FIREWALL", 1)
    assert (
        Condition("saddr", ((number("127.0.0.0"), number("127.255.255.255")),), negated=True)
        in new.conditions
    )


def _lines(*lines: str) -> str:
    return "\n".join(["*filter", ":INPUT ACCEPT [0:0]", *lines, "COMMIT", ""])


@pytest.mark.parametrize(
    ("line", "field"),
    [
        ("-m connlimit --connlimit-above 10 --connlimit-mask 32 -j DROP", "entry"),
        ("-m conntrack --ctorigdst 10.0.0.1 -j DROP", "entry"),
        ("-m conntrack --ctstatus DNAT -j DROP", "entry"),
        ("-m helper --helper ftp -j DROP", "entry"),
        ("-m invented --with 1 -j DROP", "entry"),
        ("-m limit --limit 5/min -j DROP", "packet"),
        ("-m set --match-set blocked src -j DROP", "packet"),
        ('-m string --string "-j ACCEPT" --algo bm -j DROP', "packet"),
        ("-m addrtype --dst-type BROADCAST -j DROP", "packet"),
        ("-m addrtype --dst-type LOCAL -j DROP", "local"),
        ("-m connmark --mark 0x1/0xff -j DROP", "ct-mark"),
    ],
)
def test_a_match_that_is_not_understood_may_look_at_the_entry_unless_it_is_known_not_to(
    line: str, field: str
) -> None:
    found = rule(saved(_lines(f"-A INPUT {line}")), "INPUT", 1)
    assert [each.field for each in found.conditions] == [field]
    assert found.action == "drop"


@pytest.mark.parametrize(
    ("line", "actions"),
    [
        ("-j CT --notrack", ["untrack"]),
        ("-j NOTRACK", ["untrack"]),
        ("-j CT --timeout ht4", []),
        ("-j CT --zone 1", ["unclear"]),
        ("-j CONNMARK --restore-mark", ["read-entry"]),
        ("-j CONNMARK --save-mark", ["mark-entry"]),
        ("-j NFQUEUE --queue-num 1", ["unclear"]),
        ("-j INVENTED", ["unclear"]),
        ("-j REJECT --reject-with tcp-reset", ["drop"]),
        ("--no-such-thing 1 -j ACCEPT", ["unclear"]),
        ("-p nonsense -j ACCEPT", ["unclear"]),
        ("-p tcp -m tcp --dport", ["unclear"]),
        ("-s 10.0.0.0/255.0.255.0 -j ACCEPT", ["unclear"]),
        ("-p tcp -m comment --comment nothing", []),
    ],
)
def test_what_a_target_does(line: str, actions: list[str]) -> None:
    found = saved(_lines(f"-A INPUT {line}"))
    assert [each.action for each in chain_rules(found, "INPUT")] == actions


def _nft(*statements: Any) -> Ruleset:
    chain = {"family": "inet", "table": "t", "name": "c", "type": "filter", "hook": "input", "prio": 0}
    made = {"family": "inet", "table": "t", "chain": "c", "handle": 4, "expr": list(statements)}
    table = {"family": "inet", "name": "t"}
    return rules.read(json.dumps({"nftables": [{"table": table}, {"chain": chain}, {"rule": made}]}))


def _match(left: Any, right: Any, op: str = "==") -> dict[str, Any]:
    return {"match": {"op": op, "left": left, "right": right}}


_CT = {"ct": {"key": "state"}}
_FLAGS = {"payload": {"protocol": "tcp", "field": "flags"}}
_DPORT = {"payload": {"protocol": "tcp", "field": "dport"}}


@pytest.mark.parametrize(
    ("match", "condition"),
    [
        (_match(_CT, ["new", "invalid"], "in"), Condition("state", words=frozenset({"new", "invalid"}))),
        (_match(_CT, {"set": ["new"]}, "!="), Condition("state", words=frozenset({"new"}), negated=True)),
        (_match(_DPORT, {"set": [22, {"range": [80, 90]}]}), Condition("dport", ((22, 22), (80, 90)))),
        (_match(_DPORT, 1024, "<"), Condition("dport", ((0, 1023),))),
        (_match(_FLAGS, "syn", "in"), Condition("flags", ((2, 0),), negated=True)),
        (_match({"&": [_FLAGS, ["fin", "syn"]]}, "syn"), Condition("flags", ((3, 2),))),
        (_match({"&": [_FLAGS, {"|": ["fin", "syn"]}]}, 0), Condition("flags", ((3, 0),))),
        (_match({"meta": {"key": "nfproto"}}, "ipv6"), Condition("family", words=frozenset({"ip6"}))),
        (_match({"meta": {"key": "mark"}}, 1), Condition("packet")),
        (_match({"meta": {"key": "iifname"}}, "br*"), Condition("in", words=frozenset({"br*"}))),
        (_match({"ct": {"key": "mark"}}, 1), Condition("ct-mark", ((0xFFFFFFFF, 1),))),
        (_match({"ct": {"key": "saddr", "dir": "original"}}, "10.0.0.1"), Condition("entry")),
        (_match({"ct": {"key": "label"}}, 1), Condition("entry")),
        (_match({"ct": {"key": "status"}}, "dnat", "in"), Condition("state", words=frozenset({"dnat"}))),
        (_match({"ct": {"key": "status"}}, "assured", "in"), Condition("entry")),
        (_match({"invented": {}}, 1), Condition("entry")),
        (_match({"&": [{"meta": {"key": "mark"}}, {"ct": {"key": "mark"}}]}, 1), Condition("entry")),
        (_match(_DPORT, "@nowhere"), Condition("packet")),
        (_match(_DPORT, {"nonsense": 1}), Condition("packet")),
        (_match(_CT, {"nonsense": 1}), Condition("entry")),
        (
            _match({"fib": {"result": "type", "flags": ["daddr"]}}, "local"),
            Condition("local", words=frozenset({"daddr"})),
        ),
        ({"limit": {"rate": 5}}, Condition("packet")),
        ({"ct count": {"val": 5}}, Condition("entry")),
        ({"xt": {"type": "match", "name": "conntrack"}}, Condition("entry")),
        ({"xt": {"type": "match", "name": "multiport"}}, Condition("packet")),
    ],
)
def test_expressions_of_nft(match: dict[str, Any], condition: Condition) -> None:
    [made] = chain_rules(_nft(match, {"drop": None}), "c")
    assert [each for each in made.conditions if each != TCP] == [condition]
    assert made.action == "drop"


@pytest.mark.parametrize(
    ("statement", "actions"),
    [
        ({"counter": {"packets": 0, "bytes": 0}}, []),
        ({"reject": {"type": "tcp reset"}}, ["drop"]),
        ({"masquerade": None}, ["translate"]),
        ({"notrack": None}, ["untrack"]),
        ({"queue": {"num": 1}}, ["unclear"]),
        ({"mangle": {"key": {"meta": {"key": "mark"}}, "value": 1}}, []),
        ({"mangle": {"key": {"meta": {"key": "mark"}}, "value": {"ct": {"key": "mark"}}}}, ["read-entry"]),
        ({"mangle": {"key": {"ct": {"key": "mark"}}, "value": 1}}, ["mark-entry"]),
        ({"mangle": {"key": {"ct": {"key": "zone"}}, "value": 1}}, ["unclear"]),
        (
            {"mangle": {"key": {"payload": {"protocol": "ip", "field": "daddr"}}, "value": "10.0.0.1"}},
            ["unclear"],
        ),
        ({"mangle": {"key": {"payload": {"protocol": "ip", "field": "dscp"}}, "value": 1}}, []),
        ({"xt": {"type": "target", "name": "TCPMSS"}}, []),
        ({"xt": {"type": "target", "name": "CONNMARK"}}, ["unclear"]),
        ({"xt": None}, ["unclear"]),
        ({"invented": None}, ["unclear"]),
        ({"vmap": {"key": _CT, "data": "@nowhere"}}, ["unclear"]),
        ("nonsense", ["unclear"]),
    ],
)
def test_statements_of_nft(statement: Any, actions: list[str]) -> None:
    assert [each.action for each in chain_rules(_nft(statement), "c")] == actions


def test_what_nft_does_not_tell_of_rules_of_iptables_is_taken_from_iptables_save() -> None:
    chain = {"family": "ip", "table": "filter", "name": "INPUT", "type": "filter", "hook": "input", "prio": 0}
    opaque = {"xt": {"type": "match", "name": "conntrack"}}
    made = {
        "family": "ip",
        "table": "filter",
        "chain": "INPUT",
        "handle": 2,
        "expr": [opaque, {"drop": None}],
    }
    other = chain | {"name": "mine"}
    line = "-A INPUT -m conntrack --ctstate INVALID -j DROP"
    save = Save("iptables-save", "ip", "iptables-nft", _lines(line))
    for extra, text_ in (([], line), ([{"chain": other}], '[{"xt"')):
        objects = [{"table": {"family": "ip", "name": "filter"}}, {"chain": chain}, *extra, {"rule": made}]
        [table] = rules.read(json.dumps({"nftables": objects}), saves=(save,)).tables
        assert table.chains["INPUT"].rules[0].text.startswith(text_)


def test_services_of_the_load_balancer() -> None:
    listing = (
        "IP Virtual Server version 1.2.1 (size=4096)\n"
        "Prot LocalAddress:Port Scheduler Flags\n"
        "  -> RemoteAddress:Port Forward Weight ActiveConn InActConn\n"
        "TCP  CB007149:0050 rr\n"
        "  -> 0A000002:0050      Masq    1      0          0\n"
        "UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 wlc persistent 360\n"
        "FWM  0000000A wrr\n"
    )
    one, two, three = rules.read(None, services=listing).services
    assert (one.protocol, one.address, one.port) == (6, number("203.0.113.73"), 80)
    assert (two.protocol, two.address, two.port) == (17, number("2001:db8::1"), 53)
    assert (three.mark, three.address) == (10, None)
    assert rules.read(None, services="TCP  nonsense rr\n").unread


def test_what_is_no_ruleset_is_said_in_one_line() -> None:
    for broken in ("", "nonsense", "{}", '{"nftables": 1}', '{"nftables": [1]}', "[" * 100_000):
        [told] = rules.read(broken).unread
        assert told == "nft -j list ruleset: it is not JSON as nft prints it"
    [told] = saved("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j AC").unread
    assert told == "iptables-save: it ends in the middle of a table"
    [told] = saved("*filter\nrm -rf / \x1b[2J\nCOMMIT\n").unread
    assert told == r"iptables-save: a line that iptables-save does not print: rm -rf / \x1b[2J"


def test_more_than_enough_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "MOST_RULES", 3)
    assert not saved(_lines(*["-A INPUT -j ACCEPT"] * 3)).unread
    assert saved(_lines(*["-A INPUT -j ACCEPT"] * 4)).unread
    product = _match(_DPORT, 80)
    assert not _nft(product, {"accept": None}).unread
    assert _nft({"vmap": {"key": _DPORT, "data": {"set": [[i, {"drop": None}] for i in range(4)]}}}).unread
    monkeypatch.setattr(bounds, "MOST_BYTES", 10)
    assert saved(_lines()).unread


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
_KNOWN = st.sampled_from(
    ["match", "ct", "key", "state", "payload", "protocol", "field", "tcp", "dport", "flags", "set", "&", "|", "vmap",
     "data", "elem", "val", "range", "prefix", "addr", "len", "concat", "left", "right", "op", "meta", "mark", "fib",
     "jump", "target", "mangle", "value", "xt", "name", "type", "@s", "ip", "saddr", "l4proto", "dir"]
)  # fmt: skip
_TREE = st.recursive(
    _KNOWN | st.integers() | st.none() | st.just("10.0.0.1"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_KNOWN, inner, max_size=4),
    max_leaves=16,
)


@given(_JSON | _TREE)
def test_no_expression_of_nft_makes_the_reader_fail(tree: Any) -> None:
    assert isinstance(_nft(tree, {"accept": None}), Ruleset)
    left = {"match": {"op": "==", "left": tree, "right": tree}}
    assert isinstance(_nft(left, {"vmap": {"key": tree, "data": {"set": [[tree, tree]]}}}), Ruleset)
    for kind in ("table", "chain", "rule", "set", "map"):
        assert isinstance(rules.read(json.dumps({"nftables": [{kind: tree}]})), Ruleset)


@given(st.text(max_size=400) | st.binary(max_size=400).map(lambda raw: raw.decode("latin-1")))
def test_no_text_makes_a_reader_fail(content: str) -> None:
    save = Save(
        "iptables-save", "ip", "iptables-nft", f"*filter\n:INPUT ACCEPT\n-A INPUT {content}\n{content}"
    )
    found = rules.read(content, content, (save,), content)
    assert isinstance(found, Ruleset)
    assert all(each.isprintable() for each in found.unread)


_WORDS = st.sampled_from(
    ["-A", "INPUT", "-p", "tcp", "-m", "conntrack", "--ctstate", "NEW", "!", "-s", "10.0.0.0/8", "-j", "ACCEPT", "CT",
     "--tcp-flags", "SYN", "--dport", "1:2", "-g", "connmark", "--mark", "0x1/0x1", "addrtype", "--dst-type", "LOCAL",
     '"a b"', '"', "--comment", "-i", "lo", "multiport", "--dports", "80,443", "-f", "--syn"]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=14))
def test_no_words_in_any_order_make_a_reader_fail(words: list[str]) -> None:
    found = saved(_lines(f"-A INPUT {' '.join(words)}"))
    assert isinstance(found, Ruleset)

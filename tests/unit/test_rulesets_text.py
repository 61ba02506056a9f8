"""Rules of nft that only its text tells: the same as by its JSON, and what is not understood is not concluded."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.rulesets import Base, Condition, Rule, Ruleset
from halftrack.formats import rules
from unit.reports import archive, read, table, whole
from unit.rules import NFT, nft, text

_CHAIN = (
    "table inet t {\n\tchain c {\n\t\ttype filter hook input priority 0; policy accept;\n\t\t%s\n\t}\n}\n"
)


def by_text(content: str) -> Ruleset:
    return rules.read(None, content)


def of(line: str) -> tuple[Rule, ...]:
    found = by_text(_CHAIN % line)
    assert not found.unread
    return found.tables[0].chains["c"].rules


@pytest.mark.parametrize("name", NFT)
def test_of_one_ruleset_text_and_json_tell_the_same(name: str) -> None:
    found = by_text(text(f"{name}.nft"))
    assert not found.unread
    assert found.tables == nft(name).tables


@pytest.mark.parametrize(
    ("head", "base"),
    [
        ("type filter hook input priority filter; policy drop;", Base("input", 0, "filter", accepts=False)),
        ("type nat hook postrouting priority srcnat + 5; policy accept;", Base("postrouting", 105, "nat")),
        ("type filter hook prerouting priority -300;", Base("prerouting", -300, "filter")),
        ("type filter hook prerouting priority raw - 1; policy accept;", Base("prerouting", -301, "filter")),
    ],
)
def test_where_chains_are_called_from(head: str, base: Base) -> None:
    found = by_text("table ip t {\n\tchain c {\n\t\t" + head + "\n\t}\n}\n")
    assert found.tables[0].chains["c"].base == base


@pytest.mark.parametrize(
    "line",
    [
        "frobnicate 7 accept",
        "ct state new frobnicate accept",
        "tcp dport 22 # xt_recent accept",
        'ct state established accept "',
        "ip saddr ( 10.0.0.1 accept",
        "tcp dport vmap ( 22 : accept )",
        "ct state new accept ) drop",
    ],
)
def test_from_what_is_not_understood_on_nothing_is_known(line: str) -> None:
    last = of(line)[-1]
    assert last.action == "unclear"
    assert last.conditions[-1] == Condition("entry")
    assert last.text


def test_a_rule_that_goes_on_to_the_next_line() -> None:
    [one] = of("tcp dport { 22, 23,\n\t\t\t     80-90 } accept")
    assert one.action == "accept"
    assert one.conditions[-1] == Condition("dport", ((22, 22), (23, 23), (80, 90)))


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("table inet t {\n\tchain c {\n\t\taccept\n", "it ends within a chain"),
        ("table inet t {\n\tset s {\n\t\ttype ipv4_addr\n", "it ends within a set"),
        ("table inet t {\n", "it ends within a table"),
        ("chain c {\n", "outside of tables"),
        ("table inet t {\n\tnothing\n}\n", "none of nft's"),
        (_CHAIN.replace("priority 0", "priority later") % "accept", "priority"),
    ],
)
def test_what_is_no_whole_listing_is_said(content: str, why: str) -> None:
    [told] = by_text(content).unread
    assert why in told
    assert told.isprintable()


def test_a_set_that_changes_by_itself_is_not_known() -> None:
    content = (
        "table inet t {\n\tset s {\n\t\ttype ipv4_addr\n\t\tflags dynamic,timeout\n\t\ttimeout 5m\n"
        "\t\telements = { 10.0.0.1 expires 4m30s }\n\t}\n\tchain c {\n\t\tip saddr @s drop\n\t}\n}\n"
    )
    [one] = by_text(content).tables[0].chains["c"].rules
    assert one.conditions[-1] == Condition("packet")


def test_a_report_without_json_has_the_rules_of_its_text() -> None:
    path = "sos_commands/firewall_tables/nft_-a_list_ruleset"
    host = table(read(archive(whole() | {path: text("firewalld.nft")})), "host")
    assert host.rules is not None
    assert replace(host.rules, raw={}).tables == nft("firewalld").tables
    assert not host.rules.unread


_PIECES = st.sampled_from(
    [
        *("ct", "state", "new", "mark", "set", "{", "}", "(", ")", ",", ":", "|", "&", "==", "!=", "@s", "."),
        *("tcp", "dport", "22", "1-2", "10.0.0.0/8", "vmap", "accept", "drop", "jump c", '"x"', '"', "-"),
        *("limit rate 5/second", "counter", "log", "notrack", "dnat to 10.0.0.1", "map", "fib", "\\", "\0"),
    ]
)


@given(st.lists(_PIECES, max_size=14))
def test_any_words_are_rules_or_refused(words: list[str]) -> None:
    found = by_text(_CHAIN % " ".join(words))
    assert all(each.isprintable() for each in found.unread)
    if not found.unread and words:
        known = {
            "accept",
            "drop",
            "return",
            "jump",
            "goto",
            "translate",
            "untrack",
            "mark-entry",
            "read-entry",
        }
        for one in found.tables[0].chains["c"].rules:
            assert one.action in known | {"unclear"}

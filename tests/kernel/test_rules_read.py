"""The rules of a namespace as they are read on the real kernel: of each tool, and what cannot be had is said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from halftrack.evidence.values import Namespace
from halftrack.kernel import nftables, rulesets, tools
from halftrack.live import rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.evidence.rulesets import Ruleset
    from kernel.scratch import Netns

_FIND = tools.find
_NFT = "table inet t { chain c { type filter hook input priority 0; policy drop; ct state established accept; }; }"
_LIKE_IPTABLES = "table ip filter { chain INPUT { type filter hook input priority 0; ct mark 7 drop; tcp dport vmap { 80 : accept }; }; }"
_RULE = ("-A", "INPUT", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP")
_WRITTEN = "-A INPUT -m conntrack --ctstate INVALID -j DROP"


def _read(netns: Netns) -> Ruleset:
    return rules.of(Namespace(netns.name, path=netns.path, inode=netns.inode))


def _told(found: Ruleset) -> dict[tuple[str, str, str], list[str]]:
    return {
        (table.flavour, table.family, table.name): [
            rule.text for chain in table.chains.values() for rule in chain.rules
        ]
        for table in found.tables
    }


def test_a_namespace_without_rules_has_none_and_no_tool_is_run(
    netns: Netns, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "run", pytest.fail)
    found = _read(netns)
    assert (found.tables, found.services, found.unread) == ((), (), ())


def test_rules_of_nft_are_quoted_as_nft_writes_them(netns: Netns) -> None:
    netns.run("nft", _NFT)
    found = _read(netns)
    assert _told(found) == {("nft", "inet", "t"): ["ct state established accept"]}
    assert not found.unread
    assert "policy drop" in found.raw["nft -a list ruleset"]


@pytest.mark.parametrize("flavour", ["nft", "legacy"])
@pytest.mark.parametrize(("tool", "family"), [("iptables", "ip"), ("ip6tables", "ip6")])
def test_rules_of_iptables_are_quoted_as_it_writes_them(
    netns: Netns, flavour: str, tool: str, family: str
) -> None:
    netns.run(f"{tool}-{flavour}", *_RULE)
    found = _read(netns)
    assert _told(found) == {(f"iptables-{flavour}", family, "filter"): [_WRITTEN]}
    assert not found.unread
    assert any(_WRITTEN in text for text in found.raw.values())


def test_rules_of_all_tools_stand_side_by_side(netns: Netns) -> None:
    netns.run("nft", _NFT)
    netns.run("iptables-nft", *_RULE)
    netns.run("iptables-legacy", *_RULE)
    assert _told(_read(netns)) == {
        ("nft", "inet", "t"): ["ct state established accept"],
        ("iptables-nft", "ip", "filter"): [_WRITTEN],
        ("iptables-legacy", "ip", "filter"): [_WRITTEN],
    }


def test_a_table_that_only_looks_like_one_of_iptables_is_read_by_nft(netns: Netns) -> None:
    netns.run("nft", _LIKE_IPTABLES)
    found = _told(_read(netns))
    assert found == {
        ("nft", "ip", "filter"): ["ct mark 0x00000007 drop", "tcp dport vmap { 80 : accept }"],
    }


def _without(*missing: str) -> Callable[[str], str | None]:
    return lambda name: None if name.startswith(missing) else _FIND(name)


def test_what_cannot_be_read_is_said(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    netns.run("nft", _NFT)
    netns.run("iptables-legacy", *_RULE)
    monkeypatch.setattr(tools, "find", _without("nft"))
    found = _read(netns)
    assert found.unread == ("rules of nft: nft is not installed here",)
    assert ("iptables-legacy", "ip", "filter") in _told(found)
    monkeypatch.setattr(tools, "find", _without("iptables"))
    found = _read(netns)
    assert found.unread == ("rules of iptables-legacy: iptables-legacy-save is not installed here",)
    assert ("nft", "inet", "t") in _told(found)


def test_without_iptables_its_matches_may_look_at_the_entry(
    netns: Netns, monkeypatch: pytest.MonkeyPatch
) -> None:
    netns.run("iptables-nft", *_RULE)
    monkeypatch.setattr(tools, "find", _without("iptables"))
    [table] = _read(netns).tables
    [rule] = table.chains["INPUT"].rules
    assert table.flavour == "nft"
    assert [each.field for each in rule.conditions] == ["entry"]


def test_rules_that_do_not_stand_still_are_not_believed(
    netns: Netns, monkeypatch: pytest.MonkeyPatch
) -> None:
    netns.run("nft", _NFT)
    numbers = iter(range(100))
    monkeypatch.setattr(nftables, "generation", lambda: bytes([next(numbers)]))
    assert netns.call(rulesets.read).unread == ["the rules changed while they were read"]


def test_a_namespace_that_is_gone_says_so(netns: Netns) -> None:
    gone = Namespace("gone", path=f"{netns.path}-not", inode=1)
    [told] = rules.of(gone).unread
    assert told.startswith("the rules of gone could not be read")


def test_of_an_nft_without_json_the_text_is_read(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    netns.run("nft", _NFT)
    run = tools.run

    def without_json(words: list[str], stdin: str = "") -> str:
        if "-j" in words:
            raise tools.Refused("nft refused: JSON support not compiled-in")
        return run(words, stdin)

    whole = _read(netns)
    monkeypatch.setattr(tools, "run", without_json)
    found = _read(netns)
    assert not found.unread
    assert found.tables == whole.tables

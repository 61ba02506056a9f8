"""No tracking for a service, as the rules of its namespace allow it: refused, or with what it needs first."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from halftrack.errors import UsageError
from halftrack.evidence.rulesets import Ruleset
from halftrack.evidence.values import Firewall, LocalAddress
from halftrack.plans import rules
from halftrack.plans.actions import AcceptIn, AddRules, Untracked
from halftrack.plans.words import Spelling
from halftrack.remedies import notrack
from halftrack.reporters import plan as screen
from unit.flowrows import evidence, row, table
from unit.plans import plan, step
from unit.rules import nft, saved
from unit.situations import WEB, situation, stuck

if TYPE_CHECKING:
    from halftrack.remedies.situation import Situation

NFT, IPTABLES = Firewall(tool="nft"), Firewall(tool="iptables")


def here(found: Ruleset | None, firewall: Firewall, *rows: dict[str, object]) -> Situation:
    local = (LocalAddress(WEB, 24, "eth0"),)
    made = evidence(table(*stuck(), *rows, addresses=local), firewall=firewall)
    return replace(situation(made), rules=found)


def planned(about: Situation, port: int = 80) -> Untracked:
    advice = notrack.propose(about, {"service": f"tcp/{port}", "address": WEB})
    [action, *_] = notrack.actions(about, advice)
    assert isinstance(action, AddRules)
    assert isinstance(action.rule, Untracked)
    return action.rule


def lines(rule: Untracked) -> list[str]:
    return rules.to_accept(rule, Spelling({})).split("; ")


def test_a_chain_of_nft_is_left_to_its_owner_with_the_line_to_type() -> None:
    about = here(nft("policy-drop"), NFT)
    rule = planned(about)
    assert rule.accept == ()
    assert rule.by_hand == (AcceptIn(tool="nft", table="filter", chain="input", back=False),)
    assert lines(rule) == [f"nft insert rule inet filter input ip daddr {WEB} tcp dport 80 accept"]
    advice = notrack.advise(about)
    assert advice is not None
    assert "untracked, its packets would be dropped: inet filter input: policy drop" in advice.risk.why


def test_a_chain_of_iptables_gets_a_rule_of_ours() -> None:
    rule = planned(here(saved("ufw"), IPTABLES), 8883)
    assert (rule.accept, rule.by_hand) == (("INPUT",), ())
    let_in = planned(here(saved("ufw"), IPTABLES), 443)
    assert (let_in.accept, let_in.by_hand) == ((), ())
    of_nft = planned(here(nft("policy-drop"), IPTABLES))
    assert (of_nft.accept, [each.tool for each in of_nft.by_hand]) == ((), ["nft"])
    by_iptables = planned(here(saved("ufw"), NFT), 8883)
    assert lines(by_iptables) == [f"iptables -I INPUT -p tcp -d {WEB} --dport 8883 -j ACCEPT"]


def test_firewalld_lets_nobody_else_into_its_table() -> None:
    about = here(nft("firewalld"), replace(NFT, managers=("firewalld",)))
    assert lines(planned(about)) == [f"in firewalld, accept tcp dport 80, daddr {WEB}, in filter_INPUT"]
    assert planned(about, 443).by_hand == ()


def test_where_nobody_read_the_rules_or_they_cannot_be_read_every_chain_is_asked_to_accept() -> None:
    for found in (None, Ruleset(unread=("nft hangs",))):
        rule = planned(here(found, NFT))
        assert (rule.accept, rule.by_hand) == (("INPUT", "OUTPUT"), ())
        assert lines(rule)[0].startswith("accept tcp port 80 of")
    assert planned(here(Ruleset(), NFT)).accept == ()


def test_a_service_that_a_rule_translates_is_refused_and_the_rule_quoted() -> None:
    redirected = saved(
        f"*nat\n:PREROUTING ACCEPT\n-A PREROUTING -d {WEB}/32 -p tcp -m tcp --dport 80 -j REDIRECT\nCOMMIT\n"
    )
    about = here(redirected, IPTABLES)
    told = notrack.refused(about) or ""
    assert told.startswith("not notrack for tcp/80: its connections are translated")
    assert told.endswith("-j REDIRECT")
    assert notrack.advise(about) is None
    with pytest.raises(UsageError, match=r"tcp/80 of 203\.0\.113\.73 cannot go untracked: .*REDIRECT"):
        planned(about)


def test_a_rule_that_merely_may_is_told_where_the_connections_show_no_translation() -> None:
    some = saved(
        "*nat\n:PREROUTING ACCEPT\n-A PREROUTING -s 10.0.0.0/8 -p tcp -m tcp --dport 80 -j REDIRECT\nCOMMIT\n"
    )
    with pytest.raises(UsageError, match="may be translated"):
        planned(here(some, IPTABLES))
    about = here(some, IPTABLES, row("198.51.100.9", WEB, 40_000, 80))
    advice: Any = notrack.advise(about)
    assert any("may be translated today" in why and "REDIRECT" in why for why in advice.risk.why)


def test_a_rule_that_takes_new_connections_alone_is_told_and_nothing_is_accepted_for_it() -> None:
    closed = "-A INPUT -p tcp -m tcp --dport 80 -m conntrack --ctstate NEW -j DROP"
    about = here(saved(f"*filter\n:INPUT ACCEPT\n{closed}\nCOMMIT\n"), IPTABLES)
    rule = planned(about)
    assert (rule.accept, rule.by_hand) == ((), ())
    advice = notrack.advise(about)
    assert advice is not None
    assert any(
        f"pass by a rule that may take them today: ip filter INPUT: {closed}" in why
        for why in advice.risk.why
    )


def shown(rule: Untracked) -> str:
    return screen.render(plan(step("cure", AddRules(rule=rule))))


def test_the_screen_shows_what_is_to_be_typed_first() -> None:
    text = shown(planned(here(nft("policy-drop"), NFT)))
    assert "first, by hand:" in text
    typed = " ".join(text.replace("\\\n", " ").split())
    assert f"nft insert rule inet filter input ip daddr {WEB} tcp dport 80 accept" in typed
    broken = AcceptIn(tool="nft", table="x; reboot", chain="c")
    assert "not fit to be typed" in shown(Untracked(protocol="tcp", port=80, address=WEB, by_hand=(broken,)))


@pytest.mark.parametrize("name", ["x y", "", "a;b", "$(id)", "`", "x" * 70])
def test_names_in_a_plan_that_are_none_are_not_printed(name: str) -> None:
    for there in (
        AcceptIn(tool="nft", table=name, chain="c"),
        AcceptIn(tool="iptables", table="filter", chain=name),
    ):
        rule = Untracked(protocol="tcp", port=80, address=WEB, by_hand=(there,))
        with pytest.raises(ValueError, match="is not a chain"):
            rules.to_accept(rule, Spelling({}))

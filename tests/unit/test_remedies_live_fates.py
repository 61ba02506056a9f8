"""What becomes of silent connections under shorter timeouts, as the rules of their namespace have it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest

from halftrack.evidence.rulesets import Ruleset
from halftrack.evidence.values import LocalAddress
from halftrack.remedies import live_words, shorten_established, strict_pickup
from halftrack.remedies.live import LiveEntries
from unit.flowrows import ASSURED, evidence, row, table
from unit.rules import nft, saved
from unit.situations import WEB, situation, ssh, stuck

if TYPE_CHECKING:
    from halftrack.remedies.situation import Situation

PICKED_UP: dict[str, Any] = {"flags": (0x0A, 0x0A), "wscale": (0, 0)}
LOOSE = "net.netfilter.nf_conntrack_tcp_loose"


def about(found: Ruleset | None, *rows: dict[str, object], loose: str = "1") -> Situation:
    local = (LocalAddress(WEB, 24, "eth0"),)
    settings = {LOOSE: loose, "net.netfilter.nf_conntrack_tcp_timeout_established": "432000"}
    made = situation(
        evidence(table(*rows, addresses=local, settings=settings)), "orphaned", pl.col("one_sided")
    )
    assert made.view is not None
    return replace(made, rules=found, live=LiveEntries(made.view, rules=found))


def told(
    found: Ruleset | None, *rows: dict[str, object], **more: Any
) -> list[tuple[str, int, str | None, str | None]]:
    here = about(found, *rows, **more)
    assert here.live is not None
    live = here.live.silent(7_440)
    return [(each.service, each.entries, each.outcome, each.by) for each in live.flows]


def test_by_service_and_by_what_the_rules_do() -> None:
    silent = [
        *ssh(3),
        *(row("198.51.100.200", WEB, 50_000 + i, 8_883, left=400_000) for i in range(2)),
        row(WEB, "198.51.100.201", 51_000, 443, left=400_000),
    ]
    assert told(nft("policy-drop"), *silent) == [
        ("tcp/22", 3, "picked-up-again", None),
        ("tcp/8883", 2, "dropped", "inet filter input: policy drop"),
        ("tcp/443", 1, "dropped", "inet filter input: policy drop"),
    ]
    assert told(saved("openvz"), *silent)[1][2:] == (
        "dropped",
        "ip filter INPUT: -A INPUT -j REJECT --reject-with icmp-host-prohibited",
    )
    assert {each[2] for each in told(Ruleset(), *silent)} == {"picked-up-again"}
    assert {each[2] for each in told(None, *silent)} == {"picked-up-again"}
    assert {each[2:] for each in told(Ruleset(unread=("nft hangs",)), *silent)} == {("unclear", "nft hangs")}


def test_with_strict_pick_up_they_go_on_untracked_unless_a_rule_drops_what_is_invalid() -> None:
    assert told(Ruleset(), *ssh(3), loose="0") == [("tcp/22", 3, "goes-on-untracked", None)]
    assert told(nft("policy-drop"), *ssh(3), loose="0") == [
        ("tcp/22", 3, "dropped", "inet filter input: ct state vmap { invalid : drop, established : accept, related : accept }"),
    ]  # fmt: skip
    assert told(None, *ssh(3), loose="0") == [("tcp/22", 3, "dropped", None)]


def test_translated_ones_lose_their_translation_under_any_rules() -> None:
    nat = row(
        "198.51.100.9", WEB, 40_000, 8_080, left=400_000, status=(*ASSURED, "dst-nat"),
        reply_src="172.17.0.2", reply_sport=80,
    )  # fmt: skip
    assert told(Ruleset(), nat)[0][2:] == ("loses-translation", None)
    assert told(None, nat)[0][2:] == ("loses-translation", None)


def test_the_risk_is_what_the_rules_do() -> None:
    harmless = shorten_established.advise(about(Ruleset(), *stuck(), *ssh(3)))
    cutting = shorten_established.advise(
        about(nft("policy-drop"), *stuck(), row("198.51.100.200", WEB, 1, 8_883, left=1))
    )
    assert harmless is not None
    assert cutting is not None
    assert harmless.risk.level == "low"
    assert any(
        "picked up again when they speak, and no rule here stops that" in why for why in harmless.risk.why
    )
    unknown = shorten_established.advise(about(None, *stuck(), *ssh(3)))
    assert unknown is not None
    assert unknown.risk.level == "medium"
    assert any("cut where the rules want a known connection" in why for why in unknown.risk.why)


def test_the_rules_that_drop_what_is_invalid_are_quoted_of_strict_pick_up() -> None:
    live = [row("198.51.100.200", WEB, 40_000 + i, 22, **PICKED_UP) for i in range(4)]
    strict = strict_pickup.propose(about(saved("ufw"), *stuck(), *live), {})
    lost = "an open connection that loses its entry (reboot, flush, fail-over) gets none again"
    dropped = "-A ufw-before-input -m conntrack --ctstate INVALID -j DROP"
    assert strict.risk.why[0].startswith(f"{lost}, and is cut: invalid packets are dropped by ")
    assert dropped in strict.risk.why[0]
    [flows] = strict.risk.live_flows
    assert (flows.entries, flows.outcome) == (4, "dropped")
    assert "ctstate INVALID" in (flows.by or "")
    open_to_all = strict_pickup.propose(about(Ruleset(), *stuck(), *live), {})
    assert open_to_all.risk.why[0] == (
        f"{lost}: no rule here names invalid packets to drop,"
        " but one that lets only known connections pass would cut it, too"
    )
    assert [each.outcome for each in open_to_all.risk.live_flows] == ["goes-on-untracked"]
    unread = strict_pickup.propose(about(None, *stuck(), *live), {})
    assert unread.risk.why[0] == f"{lost}, and is cut where rules drop invalid packets"


def test_silent_connections_are_counted_for_people() -> None:
    advice = shorten_established.advise(about(None, *stuck(), *ssh(1_200)))
    assert advice is not None
    assert any(why.startswith("1,200 open connections are silent") for why in advice.risk.why)


def test_the_connections_that_live_on_pick_up_are_counted_for_people() -> None:
    live = [row("198.51.100.200", WEB, 40_000 + i, 22, **PICKED_UP) for i in range(1_200)]
    strict = strict_pickup.propose(about(None, *stuck(), *live), {})
    assert strict.risk.why[-1].startswith("1,200 connections live on pick-up today")


@pytest.mark.parametrize("number", [1, 3, 5])
def test_what_becomes_of_them_in_words(number: int) -> None:
    silent = [row("198.51.100.200", WEB, 50_000 + i, 8_000 + i, left=400_000) for i in range(number)]
    lines = "".join(
        f"-A INPUT -p tcp -m tcp --dport {8_000 + i} -m conntrack --ctstate NEW -j DROP\n"
        for i in range(number)
    )
    here = about(saved(f"*filter\n:INPUT ACCEPT\n{lines}COMMIT\n"), *silent)
    assert here.live is not None
    said = live_words.become(here.live.silent(7_440))
    assert said.count("1 dropped when they speak again (ip filter INPUT: -A INPUT -p tcp") == min(number, 3)
    assert (f"{number - 3} more by other rules" in said) == (number > 3)

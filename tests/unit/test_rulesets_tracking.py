"""Whether rules that were sent ask for tracking: what was not sent is not taken for not asking."""

from __future__ import annotations

import pytest

from halftrack.evidence.rulesets import Flavour, Save
from halftrack.formats.rules import tracking
from unit.reports import archive, read, table, whole

NONE = {"ip": "", "ip6": ""}


def nft(line: str, family: str = "inet") -> str:
    return f"table {family} t {{\n\tchain c {{\n\t\ttype filter hook input priority 0; policy accept;\n\t\t{line}\n\t}}\n}}\n"


def save(line: str, family: str = "ip", flavour: Flavour = "iptables-legacy") -> Save:
    return Save(f"{flavour}-save", family, flavour, f"*filter\n:INPUT ACCEPT [0:0]\n{line}\nCOMMIT\n")


@pytest.mark.parametrize(
    ("line", "asks"),
    [
        ("ct state new accept", True),
        ("ip saddr 10.0.0.1 masquerade", True),
        ("add @s { ip saddr ct count over 9 } drop", True),
        ('xt match "conntrack" accept', True),
        ('xt match "comment" accept', False),
        ("counter # xt_recent drop", True),
        ('iifname "ct" accept comment "ct state new"', False),
        ("ip daddr @ct jump nat", False),
        ("tcp dport 80 notrack", False),
    ],
)
def test_rules_of_nft(line: str, asks: bool) -> None:
    found = tracking.of(nft(line), (), NONE, None)
    assert (found.ipv4 is not None, found.ipv6 is not None, found.unread) == (asks, asks, ())


def test_rules_of_one_family() -> None:
    found = tracking.of(nft("ct state new", "ip6"), (), NONE, None)
    assert (found.ipv4, found.ipv6) == (None, "a rule of table t, chain c")


def test_rules_of_iptables() -> None:
    asking = save("-A INPUT -m conntrack --ctstate NEW -j ACCEPT")
    quiet = save('-A INPUT -m comment --comment "-m conntrack" -j ACCEPT', "ip6")
    found = tracking.of("", (asking, quiet), {"ip": "filter\n", "ip6": "filter\n"}, None)
    assert (found.ipv4, found.ipv6, found.unread) == ("a rule of iptables-legacy-save", None, ())


@pytest.mark.parametrize(
    ("text", "saves", "names", "unread"),
    [
        (None, (), NONE, 1),
        ("", (), {"ip": None, "ip6": ""}, 1),
        ("", (), {"ip": "nat\n", "ip6": ""}, 1),
        ("", (save("-A INPUT -j DROP"),), {"ip": "filter\n", "ip6": ""}, 0),
        ("", (save("-A INPUT -j DROP", flavour="iptables-nft"),), {"ip": "filter\n", "ip6": ""}, 1),
        ("table inet t {\n", (), NONE, 1),
    ],
)
def test_what_was_not_sent(
    text: str | None, saves: tuple[Save, ...], names: dict[str, str | None], unread: int
) -> None:
    found = tracking.of(text, saves, names, None)
    assert (found.ipv4, found.ipv6, len(found.unread)) == (None, None, unread)


def test_services_of_ipvs_ask() -> None:
    heading = "IP Virtual Server version 1.2.1 (size=4096)\nProt LocalAddress:Port Scheduler Flags\n  -> RemoteAddress\n"
    assert tracking.of("", (), NONE, heading).ipv4 is None
    assert tracking.of("", (), NONE, heading + "TCP  CB007149:0050 rr\n").ipv4 == "a service of IPVS"


def test_of_a_report_an_empty_listing_proves_nothing() -> None:
    files = whole() | {"sos_commands/firewall_tables/nft_list_ruleset": nft("tcp dport 80 accept")}
    host = table(read(archive(files)), "host")
    assert host.tracking is not None
    assert len(host.tracking.unread) == 2
    assert table(read(archive(whole())), "host").tracking is None

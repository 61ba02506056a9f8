"""Rules as ``iptables -L`` lists them, of reports that have no save of them."""

from __future__ import annotations

import pytest

from halftrack.evidence.rulesets import Base, Condition, Rule, Ruleset, Save
from halftrack.formats import rules
from unit.reports import archive, read, table, whole

_HEAD = "Chain INPUT (policy ACCEPT 5 packets, 300 bytes)\n"
_COLUMNS = " pkts bytes target     prot opt in     out     source               destination\n"
OLD = (
    "Chain FORWARD (policy DROP 0 packets, 0 bytes)\n"
    "    pkts      bytes target     prot opt in     out     source               destination         \n"
    "       0        0 ACCEPT     all  --  *      *       0.0.0.0/0            0.0.0.0/0           state"
    " RELATED,ESTABLISHED \n"
    "      12     3400 LOG        tcp  --  venet0 *       0.0.0.0/0            10.0.0.5            tcp dpts:80:90"
    " flags:0x17/0x02 LOG flags 0 level 4 prefix `in: ' \n"
    "       0        0            all  --  *      *       10.0.0.0/8           0.0.0.0/0\n"
    "       0        0 mine       udp  --  !eth0  *       0.0.0.0/0            0.0.0.0/0           /* to us */\n"
    "\nChain INPUT (policy ACCEPT 0 packets, 0 bytes)\n" + _COLUMNS + "\nChain OUTPUT (policy ACCEPT)\n"
    "\nChain mine (1 references)\n" + _COLUMNS + "    0     0 DROP  all  --  *  *  0.0.0.0/0  0.0.0.0/0\n"
)


def listed(text: str, command: str = "iptables -nvL") -> Ruleset:
    return rules.read(None, listings=(Save(command, "ip", "iptables-legacy", text),))


def of(row: str) -> Rule:
    [one] = listed(_HEAD + _COLUMNS + row + "\n").tables[0].chains["INPUT"].rules
    return one


def test_a_listing_of_an_old_node() -> None:
    found = listed(OLD)
    assert not found.unread
    [one] = found.tables
    assert (one.family, one.name, one.flavour) == ("ip", "filter", "iptables-legacy")
    assert one.chains["FORWARD"].base == Base("forward", 0, "filter", accepts=False)
    assert one.chains["mine"].base is None
    first, last = one.chains["FORWARD"].rules
    assert first.conditions == (Condition("state", words=frozenset({"related", "established"})),)
    assert (last.action, last.target, last.position) == ("jump", "mine", 4)
    assert Condition("in", words=frozenset({"eth0"}), negated=True) in last.conditions
    assert last.text.endswith("/* to us */")


@pytest.mark.parametrize(
    ("row", "action"),
    [
        ("0 0 CT tcp -- * * 0.0.0.0/0 0.0.0.0/0 tcp dpt:80 CT notrack", "untrack"),
        ("0 0 NOTRACK tcp -- * * 0.0.0.0/0 0.0.0.0/0 tcp dpt:80", "untrack"),
        ("0 0 CT tcp -- * * 0.0.0.0/0 0.0.0.0/0 CT zone 5", "unclear"),
        ("0 0 CONNMARK all -- * * 0.0.0.0/0 0.0.0.0/0 CONNMARK restore", "read-entry"),
        ("0 0 DNAT tcp -- * * 0.0.0.0/0 0.0.0.0/0 tcp dpt:80 to:10.0.0.1:80", "translate"),
        ("0 0 REJECT all -- * * 0.0.0.0/0 0.0.0.0/0 reject-with icmp-port-unreachable", "drop"),
        ("0 0 unheard all -- * * 0.0.0.0/0 0.0.0.0/0", "unclear"),
    ],
)
def test_what_targets_do(row: str, action: str) -> None:
    one = of(row)
    assert one.action == action
    assert Condition("entry") not in one.conditions


@pytest.mark.parametrize(
    "row",
    [
        "0 0 ACCEPT all -- * * 0.0.0.0/0 0.0.0.0/0 helper match ftp",
        "0 0 ACCEPT all -- * * 0.0.0.0/0 0.0.0.0/0 ctstate NEW helper match ftp",
        "0 0 ACCEPT all -- * * 0.0.0.0/0 0.0.0.0/0 /* x */ ctstate NEW /* y */",
        "0 0 ACCEPT all -- * * 0.0.0.0/0",
        "0 0 ACCEPT moose -- * * 0.0.0.0/0 0.0.0.0/0",
        "0 0 one two all -- * * 0.0.0.0/0 0.0.0.0/0",
    ],
)
def test_what_is_not_understood_is_known_of_nobody(row: str) -> None:
    assert Condition("entry") in of(row).conditions


def test_without_v_interfaces_are_not_shown() -> None:
    text = "Chain INPUT (policy ACCEPT)\ntarget prot opt source destination\nDROP tcp -- 0.0.0.0/0 0.0.0.0/0 tcp dpt:80\n"
    [one] = listed(text).tables[0].chains["INPUT"].rules
    assert one.conditions[-1] == Condition("packet")
    assert Condition("dport", ((80, 80),)) in one.conditions


def test_no_listing_is_said() -> None:
    [told] = listed("hello\n").unread
    assert "iptables -L does not print" in told


def test_a_save_counts_more_than_a_listing() -> None:
    save = Save("iptables-save", "ip", "iptables-legacy", "*filter\n:INPUT DROP [0:0]\nCOMMIT\n")
    found = rules.read(None, saves=(save,), listings=(Save("iptables -nvL", "ip", "iptables-legacy", OLD),))
    [one] = found.tables
    assert list(one.chains) == ["INPUT"]


@pytest.mark.parametrize(
    ("more", "unread"),
    [
        ({}, ["mangle", "nat", "raw"]),
        ({"proc/net/ip_tables_names": "filter\nnat\n"}, ["nat"]),
        ({"sos_commands/firewall_tables/nft_list_ruleset": "table ip filter {\n}\n"}, []),
    ],
)
def test_of_a_report_tables_that_were_not_listed_are_said(more: dict[str, str], unread: list[str]) -> None:
    path = "sos_commands/firewall_tables/iptables_-vnxL"
    host = table(read(archive(whole() | {path: OLD} | more)), "host")
    assert host.rules is not None
    assert [each.name for each in host.rules.tables if each.chains] == ["filter"]
    assert [each.split()[2] for each in host.rules.unread] == unread


@pytest.mark.parametrize(
    ("chains", "name"),
    [
        (("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"), "nat"),
        (("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"), "mangle"),
        (("PREROUTING", "OUTPUT"), "raw"),
        (("INPUT", "FORWARD", "OUTPUT"), "filter"),
    ],
)
def test_which_table_it_is_by_its_chains(chains: tuple[str, ...], name: str) -> None:
    text = "\n".join(_HEAD.replace("INPUT", each) + _COLUMNS for each in chains)
    own = "Chain POSTROUTING-mine (1 references)\n" + _COLUMNS
    assert [each.name for each in listed(text + own).tables] == [name]


def test_of_a_report_the_tool_tells_the_family() -> None:
    files = whole() | {
        f"sos_commands/firewall_tables/{tool}_-vnxL": OLD for tool in ("iptables", "ip6tables")
    }
    host = table(read(archive(files)), "host")
    assert host.rules is not None
    assert {each.family for each in host.rules.tables} == {"ip", "ip6"}

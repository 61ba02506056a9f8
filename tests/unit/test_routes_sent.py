"""Routes in what was sent: found in reports and collections by what they are, and told to be cut or of stand-ins."""

from __future__ import annotations

import io
from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest

from halftrack import formats
from halftrack.evidence.provenance import ROUTING
from halftrack.evidence.routing import WayBack
from halftrack.live import collected, reports
from unit.reports import INSIDE, archive, entries, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.evidence.routing import Routing
    from halftrack.evidence.values import Table

ADDRESSES = "2: one    inet 203.0.113.9/32 scope global one\\ \n"
KERNEL = "local 203.0.113.9 dev one table local proto kernel scope host src 203.0.113.9\n"
ROUTES = "default via 10.79.2.2 dev two proto static\n" + KERNEL
RULES = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
OF = "sos_commands/networking/"
NODE = whole() | {
    f"{OF}ip_-o_addr": ADDRESSES,
    f"{OF}ip_route_show_table_all": ROUTES,
    f"{OF}ip_-4_rule_list": RULES,
    f"{OF}ip_-6_rule_list": "0:\tfrom all lookup local\n7:\tfrom fd00::/8 lookup 9\n32766:\tfrom all lookup main\n",
    f"{OF}ip_-s_-s_neigh_show": "10.1.0.1 dev three lladdr 02:00:00:00:00:01 ref 1 used 0/0/0 probes 1 REACHABLE \n",
}
ASTRAY = WayBack("203.0.113.9", "10.1.0.0", "two", "one")


def of_report(files: Mapping[str, str], netns: str = "host") -> Table:
    evidence = formats.read(["-"], stdin=io.BytesIO(archive(files)), reported=reports.read)
    return next(each for each in evidence.tables if each.netns == netns)


def routing(table: Table) -> Routing:
    assert table.routing is not None
    return table.routing


def test_of_a_report() -> None:
    table = of_report(NODE)
    found = routing(table)
    assert found.ways[0] == ASTRAY
    assert len(found.ways) == 8
    assert all(way.astray for way in found.ways)
    assert found.rules == 1
    assert [(origin.file, origin.first, origin.last) for origin in table.read_from[ROUTING]] == [
        (f"{OF}ip_-4_rule_list", 1, 3), (f"{OF}ip_-6_rule_list", 1, 3), (f"{OF}ip_route_show_table_all", 1, 2),
    ]  # fmt: skip


def test_of_a_namespace_of_a_report() -> None:
    """Of which sos asks for the rules of IPv4 alone."""
    inside = f"{OF}namespaces/blue/ip_netns_exec_blue_"
    files = NODE | {
        INSIDE.replace("my_net", "blue"): entries(9),
        f"{inside}ip_-d_address_show": "2: two@if3: <UP>\n    inet 203.0.113.9/24 scope global two\n",
        f"{inside}ip_route_show_table_all": ROUTES
        + "local ::1 dev lo table local proto kernel metric 0 pref medium\n",
        f"{inside}ip_rule_list": RULES,
    }
    found = routing(of_report(files, "blue"))
    assert found.ways[0] == WayBack("203.0.113.9", "10.1.0.0", "two", "two")
    assert (found.rules, found.unread) == (None, ("policy rules of IPv6: not sent",))


def test_outputs_by_their_content() -> None:
    files = {
        "1.txt": entries(12),
        "2.txt": ADDRESSES,
        "3.txt": "# ip route\n" + ROUTES.splitlines()[0],
        "4.txt": RULES,
        "5.txt": "# ip -6 rule\n0:\tfrom all lookup local\n32766:\tfrom all lookup main\n",
    }
    found = routing(of_report(files))
    assert found.ways[0] == ASTRAY
    assert found.rules == 0
    del files["4.txt"]
    assert {way.untold for way in routing(of_report(files)).ways} == {"policy rules were not sent"}


def test_of_the_end_of_a_list_nothing_is_known() -> None:
    files = {name: text for name, text in NODE.items() if "route" not in name}
    found = routing(of_report(files | {"sos_strings/networking/ip_route_show_table_all.tailed": ROUTES}))
    assert {way.untold for way in found.ways} == {"not all routes and policy rules were sent"}


def test_stand_ins_are_in_no_network() -> None:
    found = routing(of_report(NODE | {"sos_logs/cleaner.log": "Completed obfuscation\n"}))
    assert {way.interface for way in found.ways} == {None}
    assert {way.untold for way in found.ways} == {"stand-ins do not tell in which network an address is"}


def test_addresses_that_are_none() -> None:
    found = routing(
        of_report(NODE | {f"{OF}ip_-o_addr": ADDRESSES + "3: x    inet ::::/64 scope global x\\ \n"})
    )
    assert found.ways[0] == ASTRAY


def sent(sections: Mapping[str, str], codes: Mapping[str, int] = MappingProxyType({})) -> Table:
    """``codes``: with which a section ended, if not with 0."""
    inside = {"about": "where own\nread yes", **sections}
    all_of_them = {"about": "own 7\nfirst 7", **{f"ns/7/{name}": text for name, text in inside.items()}}
    text = "halftrack-collection 1 abc\n"
    for name, content in all_of_them.items():
        code = codes.get(name.removeprefix("ns/7/"), 0)
        text += f"\nabc begin 1.5 {name}\n{content}\nabc end {code} {name}\n"
    [table] = collected.read(iter([f"{text}\nabc complete\n".encode()]), "x").tables
    return table


COLLECTED = {
    "entries/nf_conntrack": entries(12),
    "addresses": ADDRESSES,
    "routes": f"ipv4\n{RULES}{ROUTES}ipv6\n0:\tfrom all lookup local\n32766:\tfrom all lookup main\n",
}


def test_of_a_collection() -> None:
    table = sent(COLLECTED)
    found = routing(table)
    assert found.ways[0] == ASTRAY
    assert (found.rules, found.unread) == (0, ())
    assert [(origin.file, origin.first, origin.last) for origin in table.read_from[ROUTING]] == [
        ("ns/7/routes", 1, 9)
    ]


@pytest.mark.parametrize(("more", "code"), [("", 137), ("and more\n", 0)])
def test_what_was_stopped_is_not_whole(more: str, code: int) -> None:
    found = routing(sent(COLLECTED | {"routes": COLLECTED["routes"] + more}, {"routes": code}))
    assert {way.untold for way in found.ways} == {"not all routes and policy rules were sent"}


def test_without_ip() -> None:
    four = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "two\t00000000\t02024F0A\t0003\t0\t0\t5\t00000000\t0\t0\t0\n"
    )
    plain = {name: text for name, text in COLLECTED.items() if name != "routes"}
    found = routing(sent(plain | {"net/route": four, "net/fib_tables": "Main:\nLocal:\n"}))
    assert found.ways[0] == ASTRAY
    assert found.rules is None


def test_a_collection_without_any() -> None:
    assert sent({name: text for name, text in COLLECTED.items() if name != "routes"}).routing is None

"""Routes and policy rules as text: what is decided, what is not and why, and any text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.routing import DefaultRoute, Routing, WayBack
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.evidence.values import LocalAddress
from halftrack.formats import routing

HERE, PEER, SIX, PEER_SIX = "10.79.1.1", "203.0.113.5", "fd79:1::1", "2001:db8::5"
OURS = (LocalAddress(HERE, 24, "one"), LocalAddress(SIX, 64, "one"))
ENDS = ((HERE, PEER), (SIX, PEER_SIX))
RULES = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
KERNEL = "local 10.79.1.1 dev one table local proto kernel scope host src 10.79.1.1\n"
TWO = "default via 10.79.2.2 dev two proto static metric 5\n"
SEVEN = "default via 10.79.1.2 dev one table 7 proto static\n"


def read(texts: dict[str, str], ends: tuple[tuple[str, str], ...] = ENDS[:1], **settings: str) -> Routing:
    found = routing.read(texts, ends, OURS, settings)
    assert found is not None
    return found


def way(routes: str, rules: str = RULES) -> WayBack:
    return read({"routes/ipv4": routes, "ip-rules/ipv4": rules}).ways[0]


def with_rule(line: str) -> str:
    return RULES.replace("\n32766", f"\n{line}\n32766")


def test_the_way_by_all_that_was_sent() -> None:
    found = read({"routes/ipv4": KERNEL + TWO + SEVEN, "ip-rules/ipv4": RULES})
    assert found.ways == (WayBack(HERE, PEER, "two", "one"),)
    assert found.ways[0].astray
    assert found.defaults == (
        DefaultRoute(AF_INET, "two", "10.79.2.2", 5, 254),
        DefaultRoute(AF_INET, "one", "10.79.1.2", 0, 7),
    )
    assert found.rules is None  # of IPv6 nothing was sent
    assert found.unread == ("routes of IPv6: not sent",)


@pytest.mark.parametrize(
    ("routes", "interface"),
    [
        ("203.0.113.0/24 dev one\n203.0.0.0/16 dev two", "one"),
        ("203.0.113.5 dev one metric 900\n203.0.113.0/24 dev two", "one"),
        ("203.0.113.0/24 dev two metric 9\n203.0.113.0/24 dev one metric 8", "one"),
        ("203.0.113.0/24 dev two dead\ndefault dev one", "one"),
        ("203.0.113.0/24 dev one linkdown\ndefault dev two", "one"),
        ("203.0.113.0/24 \n\tnexthop via 10.0.0.1 dev two weight 1 dead\n\tnexthop dev one weight 1", "one"),
        ("203.0.113.0/24 \\\tnexthop via 10.0.0.1 dev one weight 1", "one"),
        ("unreachable 203.0.113.0/24 dev lo\ndefault dev two", None),
        ("blackhole default", None),
        ("local 203.0.113.5 dev lo table local scope host\ndefault dev two", None),
        ("203.0.113.0/24 nhid 7 encap mpls 100/200 via inet6 fe80::1 dev one proto bgp", "one"),
        ("default via 10.0.0.1 dev table table 254", "table"),
        ("203.0.113.5 via 10.0.0.1 dev two src 10.0.0.9 uid 0 \n    cache \ndefault dev one", "one"),
    ],
)
def test_the_longest_prefix_and_the_least_metric(routes: str, interface: str | None) -> None:
    found = way(KERNEL + routes + "\n")
    assert (found.interface, found.untold) == (interface, "")


@pytest.mark.parametrize(
    ("line", "interface"),
    [
        ("100: from 10.79.1.1 lookup 7", "one"),
        ("100: from 10.79.1.0/24 lookup 7", "one"),
        ("100: from 10.79.9.0/24 lookup 7", "two"),
        ("100: not from 10.79.9.0/24 lookup 7", "one"),
        ("100: from all to 203.0.113.0/24 lookup 7", "one"),
        ("100: from all iif lo lookup 7", "one"),
        ("100: from all iif two [detached] lookup 7", "two"),
        ("100: from all lookup 8", "two"),
        ("100: from all unreachable", None),
        ("100: from all nop", "two"),
        ("100: from all goto 9 [unresolved]", "two"),
        ("100: from all goto 32767", None),
        ("100: from all lookup main suppress_prefixlength 0\n101: from all lookup 7", "one"),
        ("100: from all lookup 7 proto static", "one"),
        ("100: from all fwmark 0x1 lookup main", "two"),
        ("100: from all fwmark 0x1/0xff lookup 8", "two"),
    ],
)
def test_rules_by_their_priority(line: str, interface: str | None) -> None:
    found = way(KERNEL + TWO + SEVEN, with_rule(line))
    assert (found.interface, found.untold) == (interface, "")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("100: from all fwmark 0x1 lookup 7", "policy rule 100 goes by the mark of packets"),
        ("100: not from all fwmark 0xca6c lookup 7", "policy rule 100 goes by the mark of packets"),
        ("100: from all uidrange 0-100 lookup 7", "policy rule 100 goes by the user of a socket"),
        ("100: from all ipproto tcp dport 80 lookup 7", "policy rule 100 goes by the protocol"),
        ("100: from all oif two lookup 7", "policy rule 100 goes by what a socket is bound to"),
        ("100: from all tos 0x10 lookup 7", "policy rule 100 goes by the type of service"),
        ("100: from all lookup [l3mdev-table]", "policy rule 100 goes by the VRF of an interface"),
        ("100: from 0/9 lookup 7", "policy rule 100 goes by what is not understood"),
        ("100: from all weather fine lookup 7", "policy rule 100 goes by what is not understood"),
        ("100: from all", "what policy rule 100 does is not understood"),
        ("100: from all lookup 7 suppress_ifgroup 3", "what policy rule 100 does is not understood"),
        ("100: from all lookup main suppress_prefixlength 8", ""),
    ],
)
def test_what_no_text_tells_of_packets(line: str, why: str) -> None:
    found = way(KERNEL + TWO + SEVEN, with_rule(line))
    if not why:
        assert found.untold == "a policy rule goes by lengths of prefixes"
        return
    assert (found.interface, found.untold) == (None, why)


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ({"routes/ipv4": TWO}, "policy rules were not sent"),
        ({"routes/ipv4": KERNEL + TWO + SEVEN}, "policy rules were not sent"),
        ({"routes/ipv4": KERNEL + TWO + routing.CUT, "ip-rules/ipv4": RULES}, "not all routes and policy rules were sent"),
        ({"routes/ipv4": TWO, "ip-rules/ipv4": with_rule("9: from all lookup 7")},
         "policy rule 9 looks into a table that was not sent"),
        ({"routes/ipv6": "default dev two pref medium\n"}, "the routes of IPv4 were not sent"),
        ({"net/route": "Iface\tDestination\n"},
         "/proc/net/route shows neither policy rules nor the tables that they lead to"),
        ({"net/route": "", "net/fib_tables": "Id 7:\nMain:\nLocal:\n"},
         "/proc/net/route shows neither policy rules nor the tables that they lead to"),
    ],
)  # fmt: skip
def test_what_was_not_sent(texts: dict[str, str], why: str) -> None:
    assert read(texts).ways[0].untold == why


def test_several_next_hops_are_one_way_where_they_share_the_interface() -> None:
    hops = "default \n\tnexthop via 10.0.0.1 dev one weight 1\n\tnexthop via 10.0.0.2 dev {} weight 1\n"
    assert way(KERNEL + hops.format("one")).interface == "one"
    assert way(KERNEL + hops.format("two")).untold == "several next hops"
    assert way(KERNEL.replace(" proto kernel", "") + "default \n").untold == "a next hop is not shown"


def test_busybox_hides_what_an_added_rule_asks_for() -> None:
    shown = (KERNEL + TWO + SEVEN).replace(" proto kernel", "").replace(" proto static", " ")
    assert way(shown).interface == "two"
    told = way(shown, with_rule("100:\tfrom 10.79.9.9 lookup 7 "))
    assert told.untold == "policy rule 100 goes by what BusyBox does not show"
    assert way(shown, with_rule("100:\tfrom all lookup main ")).interface == "two"


def test_both_families_in_one_text() -> None:
    whole = (
        KERNEL + TWO + "default dev three scope link metric 900\n"
        "fd79:1::/64 dev one proto kernel metric 256\n"
        "default via fd79:2::2 dev two metric 1024 pref medium\n"
        "default dev three metric 2048\n"
        "default from 2001:db8:7::/48 via fd79:9::2 dev nine metric 1\n"
        "local fd79:1::1 dev one table local proto kernel metric 0 pref medium\n"
    )
    rules = "0:\tfrom all lookup local\n32766:\tfrom all lookup main\n"
    found = read({"routes/all": whole, "ip-rules/ipv4": RULES, "ip-rules/ipv6": rules}, ENDS)
    assert [each.interface for each in found.ways] == ["two", "two"]
    assert found.rules == 0
    assert [(each.family, each.interface) for each in found.defaults] == [
        (AF_INET, "two"), (AF_INET, "three"), (AF_INET6, "two"), (AF_INET6, "three"), (AF_INET6, "nine"),
    ]  # fmt: skip


def test_without_ip() -> None:
    """The mask is no prefix in the third line."""
    four = (
        "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
        "two\t00000000\t02024F0A\t0003\t0\t0\t5\t00000000\t0\t0\t0   \n"
        "one\t050071CB\t00000000\t0001\t0\t0\t0\t00FF00FF\t0\t0\t0\n"
        "*\t010200C0\t00000000\t0205\t0\t0\t0\tFFFFFFFF\t0\t0\t0\n"
    )
    nothing, through = "0" * 32, "fd79000200000000000000000000000a"
    six = (
        f"{nothing} 00 {nothing} 00 {nothing} ffffffff 00000001 00000000 00200200       lo\n"
        f"{nothing} 00 {nothing} 00 {through} 00000400 00000001 00000000 00000003      two\n"
    )
    texts = {"net/route": four, "net/fib_tables": "Main:\nLocal:\n", "net/ipv6_route": six}
    found = read(texts, (*ENDS, (HERE, "192.0.2.1")))
    assert [each.interface for each in found.ways] == ["two", "two", None]
    assert not any(each.untold for each in found.ways)
    assert [each.gateway for each in found.defaults] == ["10.79.2.2", "fd79:2::a"]
    assert found.rules is None
    assert "/proc does not show them" in found.unread[0]
    one = f"20010db8{'0' * 24} 20 {nothing} 00 {nothing} 00000100 00000001 00000000 00000001      one\n"
    told = read(texts | {"net/ipv6_route": six + one}, ENDS).ways[1]
    assert (told.interface, told.untold) == (None, "/proc/net/ipv6_route does not tell tables apart")


def test_ends_that_are_none_of_ours_or_no_addresses() -> None:
    ends = (("10.99.9.9", PEER), (HERE, "xx.xx.xx.73"), ("nobody", PEER), (SIX, HERE))
    texts = {"routes/ipv4": KERNEL + TWO + SEVEN, "ip-rules/ipv4": with_rule("9: from all iif one lookup 7")}
    passed_on, masked, odd, inside = read(texts, ends).ways
    assert (passed_on.expected, passed_on.untold) == (
        None,
        "policy rule 9 goes by the interface that packets came by",
    )
    assert masked.untold == odd.untold == "an address is masked"
    assert (inside.interface, inside.untold) == (None, "")


def test_the_stricter_filter_counts() -> None:
    settings = {"all": "0", "default": "1", "lo": "1", "one": "1", "two": "x"}
    by_name = {f"net.ipv4.conf.{name}.rp_filter": value for name, value in settings.items()}
    assert read({"routes/ipv4": TWO}, **by_name).rp_filter == {"one": 1}


def test_nothing_was_sent() -> None:
    assert routing.read({"nft": "", "routes/ipv4": "Dump terminated\n"}, ENDS, OURS, {}) is None


WORDS = st.sampled_from(
    """default 0.0.0.0/0 203.0.113.0/24 203.0.113.5 ::/0 2001:db8::/32 2001:db8::5/999 10/8 via dev table metric
    nexthop encap from to not iif lo one two lookup 7 main local goto 9 100: 0: nop throw blackhole unreachable
    fwmark 0x1 suppress_prefixlength 0 tos proto scope pref cache dead all 1e9 -1 32766: ipv4 ipv6""".split()  # noqa: SIM905  # one list
)
ODD = st.sampled_from(["\\", "\t", "\n", "\n\t", "\0", "\u202e"])


@given(st.dictionaries(
    st.sampled_from(["routes", "routes/ipv4", "routes/ipv6", "routes/x", "ip-rules/ipv4", "ip-rules/ipv6", "net/route",
                     "net/ipv6_route", "net/fib_tables"]),
    st.one_of(st.lists(st.one_of(WORDS, WORDS, ODD)).map(" ".join), st.text()),
))  # fmt: skip
def test_any_text_gives_a_way_or_says_why_not(texts: dict[str, str]) -> None:
    found = routing.read(texts, ENDS, OURS, {})
    if found is None:
        return
    assert len(found.ways) == len(ENDS)
    for each in found.ways:
        assert not (each.interface and each.untold)
        assert (each.interface or "").isprintable()
        assert each.untold.isprintable()
    assert all(each.interface.isprintable() and 0 <= each.table < 1 << 32 for each in found.defaults)

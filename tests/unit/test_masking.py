"""Masks over evidence: every name and address goes, and the map undoes all of it."""

from __future__ import annotations

import io
import ipaddress
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from halftrack import masking
from halftrack.errors import UnreadableInput
from halftrack.evidence.packed_flows import PackedFlows
from halftrack.evidence.rulesets import Save
from halftrack.evidence.values import Evidence, Gap, LocalAddress, Namespace, Owner, Table
from halftrack.formats import bundle, rules
from halftrack.masking import key as maps
from halftrack.masking import kinds, searching
from leaks import leaks
from unit.anything import node
from unit.bundles import packed, plain, whole
from unit.flowrows import flows, one_sided


def evidence(*owners: Owner, text: str = "", **more: object) -> Evidence:
    saves = (Save("iptables-save", "ip", "iptables-nft", text),)
    table = Table(Namespace("host"), rules=rules.read(None, saves=saves), flows=flows(one_sided()))
    return replace(
        Evidence("node1.acme.example", "bundle", tables=(table,), owners=owners), **more
    )  # fmt: skip


def test_everything_comes_back() -> None:
    found, key = masking.masked(whole())
    assert found.input.masked == "substituted"
    again = maps.read(key.written(), "a map")
    assert again == key
    assert plain(masking.unmasked(found, again)) == plain(whole())


def test_a_name_that_does_not_show_is_masked_in_both_spellings() -> None:
    place = Namespace(r"acme\x1b[31mweb", 7, "/run/netns/acme\x1b[31mweb")
    seen = Evidence("node1", "live", tables=(Table(place),))
    found, key = masking.masked(seen)
    assert leaks(packed(found), (), ["acme"]) == []
    assert "acme" not in repr(found)
    assert masking.unmasked(found, maps.read(key.written(), "a map")).tables == seen.tables


def test_a_name_of_other_bytes_than_text_comes_back_as_it_is_read() -> None:
    """As the script's map has it; in text that came back, as the bytes that it is."""
    key = maps.read(b"halftrack-map 1\nname\tw\xe9b\tmasked-1\nend 1\n", "a map")
    masked = Evidence("masked-1", "bundle", tables=(Table(Namespace("masked-1")),))
    found = masking.unmasked(replace(masked, input=replace(masked.input, masked="substituted")), key)
    assert (found.node, found.tables[0].namespace.name) == ("w\N{REPLACEMENT CHARACTER}b",) * 2
    assert plain(found)
    assert maps.read(key.written(), "a map") == key


def test_small_tables_as_the_live_node_keeps_them() -> None:
    held = PackedFlows(flows(one_sided(src="10.7.0.200"), one_sided(src="10.8.0.200")).frame)
    found, key = masking.masked(Evidence("node1", "live", tables=(Table(Namespace("host"), flows=held),)))
    assert found.tables[0].flows is not None
    assert not set(found.tables[0].flows.frame["orig_src_lo"]) & set(held.frame["orig_src_lo"])
    (again,) = masking.unmasked(found, key).tables
    assert again.flows is not None
    assert again.flows.frame.equals(held.frame)


def test_a_name_that_is_part_of_another() -> None:
    owners = (
        Owner("web", "4f5e0a1b2c3d" * 4, "podman"),
        Owner("web-1", "aaaa0a1b2c3d" * 4, "podman"),
        Owner("web-10", "bbbb0a1b2c3d" * 4, "podman"),
    )
    text = (
        '*filter\n:IN_web-1 - [0:0]\n-A IN_web-1 -i veth-web-10 -m comment --comment "for web, web-1 and web-10"'
        " -j ACCEPT\nCOMMIT\nwebserver 4f5e0a1b2c3d WEB-1 node1 NODE1.acme.example acme\n"
    )
    seen = evidence(*owners, text=text, gaps=(Gap("sockets of web-1", "web-10 is gone", netns="web"),))
    found, key = masking.masked(seen)
    data = packed(found)
    parts = ("web", "web-1", "web-10", "node1", "acme", "acme.example", "4f5e0a1b2c3d")
    assert leaks(data, (), parts) == []
    assert len({each.name for each in found.owners}) == 3
    assert sorted(each.name for each in found.owners) == [each.name for each in found.owners]
    assert b"webserver" in str(found.tables[0].rules.raw).encode()
    assert plain(masking.unmasked(found, key)) == plain(seen)


def test_names_that_look_like_ours_or_like_words_of_rules() -> None:
    owners = (
        Owner("masked-1", "101", "openvz"),
        Owner("tcp", "102", "openvz"),
        Owner("filter", "tcp", "openvz"),
        Owner("a", "103", "openvz"),
        Owner("tables", "104", "openvz"),
        Owner("entry", "105", "openvz"),
        Owner("sockets", "106", "openvz"),
        Owner("el7", "107", "openvz"),
        Owner("\tod\\d\n", "x" * 20, "openvz"),
    )
    text = '*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m comment --comment "masked-1 a" -j DROP\nCOMMIT\n'
    gaps = (Gap("sockets of entry", "el7", (), ("sockets", "entry")),)
    seen = evidence(*owners, text=text, gaps=gaps, kernel="3.10.0-1160.el7")
    found, key = masking.masked(seen)
    assert found.gaps[0].would_tell == ("sockets", "entry")
    assert not {each.name for each in owners} & {each.name for each in found.owners}
    assert maps.read(key.written(), "a map") == key
    assert searching.left(packed(found), key, found) is None
    [table] = found.tables[0].rules.tables
    assert (table.name, [rule.action for rule in table.chains["INPUT"].rules]) == ("filter", ["drop"])
    assert plain(masking.unmasked(found, key)) == plain(seen)


def test_names_that_look_like_digits_of_addresses() -> None:
    """They are none in a stand-in; by themselves, and where no address can be meant, they are what they are."""
    names = ("fe80", "3fff", "f2", "ff", "db8", "dead-beef", "240-0-0-1")
    text = (
        "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -s fe80::/10 -j ACCEPT\n-A INPUT -s fe80::5 -j ACCEPT\n"
        "-A INPUT -s 2001:db8::5/128 -m mac --mac-source 02:ff:ac:11:00:f2 -j ACCEPT\n-A INPUT -s ff02::fb -j DROP\n"
        '-A INPUT -m comment --comment "fe80 and fe80:80, db8::web" -j DROP\nCOMMIT\n# fe80 of DB8, dead-beef:80\n'
    )
    owners = tuple(Owner(name, f"10{at}", "openvz") for at, name in enumerate(names))
    found, key = masking.masked(evidence(*owners, text=text))
    shown = str(found.tables[0].rules)
    assert searching.left(packed(found), key, found) is None
    assert leaks(packed(found), ["fe80::5", "2001:db8::5"], ("db8", "dead-beef"), ["02:ff:ac:11:00:f2"]) == []
    assert "-s fe80::/10" in shown
    assert f"# {key.names['fe80']} of {key.names['DB8']}, {key.names['dead-beef']}:80" in shown
    assert plain(masking.unmasked(found, key)) == plain(evidence(*owners, text=text))


@pytest.mark.parametrize(
    "left", ["fe80", "of fe80:80", "db8::80", "fe80::db8", "::db8", "x::fe80", "3fff::1.fe80", "fe80-f2-ff"]
)
def test_a_name_is_found_beside_colons(left: str) -> None:
    """What looks like an address and stands for none may be anything."""
    owners = tuple(Owner(name, f"10{at}", "openvz") for at, name in enumerate(("fe80", "db8")))
    found, key = masking.masked(evidence(*owners))
    told = searching.left(packed(replace(found, gaps=(Gap(left, "x"),))), key, found)
    assert told == "a name at evidence.gaps[0].what in halftrack-bundle.json"


def test_what_rules_say_of_their_owner() -> None:
    """Comments word by word, so that what is a name in them is the same name elsewhere."""
    text = (
        "*nat\n:KUBE-SERVICES - [0:0]\n-A KUBE-SERVICES -d 10.96.0.9/32 -m comment"
        ' --comment "shop/web:http cluster IP" -j KUBE-SVC-X\n-A KUBE-SERVICES -m comment --comment Hoch-Tief'
        " -j RETURN\nCOMMIT\n# service-ABCDEFGH-shop/web/tcp/http\n"
    )
    found, key = masking.masked(evidence(Owner("shop/web-5d", "f" * 64, "cri", namespace="shop"), text=text))
    data = packed(found)
    assert leaks(data, ["10.96.0.9"], ("shop", "web", "Hoch-Tief", "Hoch")) == []
    assert b"cluster IP" in str(found.tables[0].rules.raw).encode()
    assert key.names["shop"] in str(found.tables[0].rules.raw)


@pytest.mark.parametrize(
    ("planted", "kind"),
    [
        ({"gaps": (Gap("192.0.2.1", "x"),)}, "an address at evidence.gaps[0].what in halftrack-bundle.json"),
        ({"gaps": (Gap("x", "of 0x010200C0"),)}, "an address"),
        ({"gaps": (Gap("2001:0db8:0000::0001", "x"),)}, "an address"),
        ({"gaps": (Gap("about NODE17", "x"),)}, "a name"),
        ({"gaps": (Gap("veth-web.0", "x"),)}, "a name"),
        ({"user": "nobody"}, "a name"),
        ({"tables": whole().tables}, "a name"),
    ],
)
def test_what_was_forgotten_is_found(planted: dict[str, object], kind: str) -> None:
    found, key = masking.masked(whole())
    assert searching.left(packed(found), key, found) is None
    left = searching.left(packed(replace(found, **planted)), key, found)
    assert left is not None
    assert left.startswith(kind)


@pytest.mark.parametrize(
    "left",
    [
        "8000.2:a:ac:1b:0:7e", "02-0A-AC-1B-00-7E", "020a.ac1b.007e", "enx020aac1b007e", "fe80::a:acff:fe1b:7e/64",
        "64:ff9b::192.0.2.1", "64:FF9B::C000:201", "2002:c000:201::5", "fe80000000000000000aacfffe1b007e 02",
    ],
)  # fmt: skip
def test_another_spelling_that_was_forgotten_is_found(left: str) -> None:
    seen = evidence(text='# "02:0a:ac:1b:00:7e" and 192.0.2.1\n')
    found, key = masking.masked(seen)
    assert searching.left(packed(found), key, found) is None
    told = searching.left(packed(replace(found, gaps=(Gap(left, "x"),))), key, found)
    assert told is not None
    assert told.startswith(("an address at ", "a MAC address at "))


def test_a_column_that_was_forgotten_is_found() -> None:
    """Of IPv6, too, whose two halves lie apart."""
    for src in ("203.0.113.5", "2001:db8:77::5"):
        table = Table(Namespace("host"), flows=flows(one_sided(src=src)))
        seen = Evidence("node", "bundle", tables=(table,))
        found, key = masking.masked(seen)
        tables_ = (replace(found.tables[0], flows=table.flows),)
        left = searching.left(packed(replace(found, tables=tables_)), key, found)
        assert left is not None
        assert left.startswith("an address in orig_src_hi and orig_src_lo in ")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"halftrack-map 2\nend 0\n",
        b"halftrack-map 1\naddress\t10.0.0.1\t240.0.0.1\n",
        b"halftrack-map 1\naddress\t10.0.0.1\t240.0.0.1\nend 2\n",
        b"halftrack-map 1\naddress\t10.0.0\t240.0.0.1\nend 1\n",
        b"halftrack-map 1\nnetwork\t10.0.0.1/8\t240.0.0.0/8\nend 1\n",
        b"halftrack-map 1\nmac\t10\t20\nend 1\n",
        b"halftrack-map 1\nname\tx\t\nend 1\n",
        b"halftrack-map 1\nrumour\tx\ty\nend 1\n",
    ],
)
def test_a_map_that_is_none(content: bytes) -> None:
    with pytest.raises(UnreadableInput, match=r"map|whole"):
        maps.read(content, "here")


def test_interfaces_and_networks_of_the_node() -> None:
    """A network that only an interface tells of is one, too; its settings are found by its name."""
    table = Table(
        Namespace("host"),
        settings={"net.ipv4.conf.veth-web.rp_filter": "1", "net.netfilter.nf_conntrack_max": "5"},
        addresses=(
            LocalAddress("10.7.0.9", 16, "veth-web"),
            LocalAddress("fe80::1%veth-web", 64, "veth-web"),
        ),
        flows=flows(one_sided(src="10.7.0.200"), one_sided(src="10.8.0.200")),
    )
    seen = Evidence("n", "bundle", tables=(table,), owners=(Owner("web", "e" * 64, "podman"),))
    found, key = masking.masked(seen)
    [local, link] = found.tables[0].addresses or ()
    net = ipaddress.ip_network(f"{local.address}/{local.prefix}", strict=False)
    assert ipaddress.ip_address(kinds.shown(key.addresses[kinds.number("10.7.0.200")])) in net
    assert ipaddress.ip_address(kinds.shown(key.addresses[kinds.number("10.8.0.200")])) not in net
    assert ipaddress.ip_address(link.address.partition("%")[0]).is_link_local
    assert list(found.tables[0].settings) == [
        f"net.ipv4.conf.veth-{key.names['web']}.rp_filter",
        "net.netfilter.nf_conntrack_max",
    ]
    assert plain(masking.unmasked(found, key)) == plain(seen)
    file = io.BytesIO()
    bundle.write(found, "a test", file)
    assert leaks(file.getvalue(), ["10.7.0.9", "10.7.0.200", "10.8.0.200"], ["web"]) == []


@given(st.integers(0, 1 << 32), st.integers(0, 60))
@example(775_575, 50)
def test_whatever_a_table_holds_comes_back(seed: int, height: int) -> None:
    seen = node(seed, height)
    found, key = masking.masked(seen)
    assert searching.left(packed(found), key, found) is None
    assert plain(masking.unmasked(found, maps.read(key.written(), "a map"))) == plain(seen)

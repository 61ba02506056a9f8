"""Masks: every spelling goes, what is judged of addresses stays true, and the map undoes all of it."""

from __future__ import annotations

import io
import ipaddress
from dataclasses import replace
from typing import TYPE_CHECKING

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
from halftrack.masking import kinds, layout, searching, tables
from leaks import leaks
from unit.anything import node
from unit.bundles import packed, plain, whole
from unit.flowrows import flows, one_sided

if TYPE_CHECKING:
    from collections.abc import Callable

V4 = st.integers(1 << 24, (224 << 24) - 1).filter(lambda each: each >> 24 != 127).map(ipaddress.IPv4Address)
V6 = st.one_of(
    st.integers(0x20 << 120, (0x30 << 120) - 1),
    st.integers(0xFC << 120, (0xFE << 120) - 1),
    # The first of them stands for all that are link-local.
    st.integers((0xFE80 << 112) + 1, (0xFE80 << 112) + (1 << 64) - 1),
).map(ipaddress.IPv6Address)


def _words(address: int, size: int) -> str:
    """As a little-endian kernel prints it."""
    raw = address.to_bytes(size, "big")
    return "".join(raw[at : at + 4][::-1].hex() for at in range(0, size, 4)).upper()


FORMS_V4: dict[str, Callable[[ipaddress.IPv4Address], str]] = {
    "alone": str,
    "in an entry": lambda each: f"src={each} dst=1",
    "with a port": lambda each: f"{each}:8080",
    "as tcpdump writes it": lambda each: f"IP {each}.443 > ",
    "mapped": lambda each: f"::ffff:{each}",
    "mapped, in hexadecimal": lambda each: f"::ffff:{int(each) >> 16:x}:{int(each) & 0xFFFF:x}",
    "one of a network": lambda each: f"inet {each}/20 brd",
    "a network": lambda each: f"-s {ipaddress.ip_network((each, 22), strict=False)}",
    "with a mask": lambda each: f"{ipaddress.ip_network((each, 20), strict=False).with_netmask}",
    "alone with its length": lambda each: f"-d {each}/32",
    "of JSON": lambda each: f'{{"addr": "{ipaddress.ip_network((each, 12), strict=False)[0]}", "len": 12}}',
    "in a range": lambda each: f"{each}-{each + 7}",
    "in a sentence": lambda each: f"It was {each}.",
    "in /proc/net": lambda each: f"{_words(int(each), 4)}:1F90",
    "of IPVS": lambda each: f"TCP  {int(each):08X}:0050 rr",
    "as a payload": lambda each: f"0x{int(each):08x}",
    "of a machine": lambda each: "ip-" + str(each).replace(".", "-"),
    "turned round": lambda each: f"{'.'.join(reversed(str(each).split('.')))}.in-addr.arpa",
}
FORMS_V6: dict[str, Callable[[ipaddress.IPv6Address], str]] = {
    "compressed": str,
    "full": lambda each: f"src={each.exploded} dport=1",
    "upper case": lambda each: str(each).upper(),
    "with a port": lambda each: f"[{each}]:443",
    "behind a word": lambda each: f"listen:{each} ",
    "before a colon": lambda each: f"from {each}: refused",
    "with an interface": lambda each: f"{each}%eth0",
    "one of a network": lambda each: f"inet6 {each}/64 scope",
    "a network": lambda each: f"-s {ipaddress.ip_network((each, 48), strict=False)}",
    "of JSON": lambda each: f'{{"addr": "{ipaddress.ip_network((each, 44), strict=False)[0]}", "len": 44}}',
    "in /proc/net": lambda each: f"{_words(int(each), 16)}:1F90",
    "in if_inet6": lambda each: f"{int(each):032x} 02 40",
    "in a range": lambda each: f"{each}-{each + 7}",
}


def masked_text(*texts: str) -> tuple[list[str], maps.Key]:
    seen = tables.Collecting()
    for text in texts:
        seen.text(text)
    key = seen.key()
    of = tables.Substituting(key)
    return [of.text(text) for text in texts], key


@given(st.lists(V4, min_size=1, max_size=6, unique=True), st.data())
def test_no_spelling_of_ipv4_is_left(addresses: list[ipaddress.IPv4Address], data: st.DataObject) -> None:
    texts = [data.draw(st.sampled_from([*FORMS_V4.values()]))(each) for each in addresses]
    # Some spellings could be anything: they go because it is known that there are such addresses.
    found, key = masked_text(*map(str, addresses), *texts)
    assert leaks("\n".join(found).encode(), map(str, addresses), ()) == []
    assert masking.unmasked_text("\n".join(found), key)[0] == "\n".join([*map(str, addresses), *texts])


@given(st.lists(V6, min_size=1, max_size=6, unique=True), st.data())
def test_no_spelling_of_ipv6_is_left(addresses: list[ipaddress.IPv6Address], data: st.DataObject) -> None:
    texts = [data.draw(st.sampled_from([*FORMS_V6.values()]))(each) for each in addresses]
    found, key = masked_text(*map(str, addresses), *texts)
    assert leaks("\n".join(found).encode(), map(str, addresses), ()) == []
    assert masking.unmasked_text("\n".join(found), key)[0] == "\n".join([*map(str, addresses), *texts])


@pytest.mark.parametrize(
    ("written", "back"),
    [
        ("2001:db8:0:0::1", "2001:db8::1"),
        ("2001:0db8::0001", "2001:db8::1"),
        ("2001:DB8:0::1", "2001:DB8::1"),
        ("2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:0DB8:0000:0000:0000:0000:0000:0001"),
    ],
)
def test_what_is_written_as_nobody_does_comes_back_as_everybody_does(written: str, back: str) -> None:
    (found,), key = masked_text(written)
    assert masking.unmasked_text(found, key)[0] == back


@pytest.mark.parametrize("form", FORMS_V4)
def test_each_spelling_of_ipv4(form: str) -> None:
    """One is a prefix of another's text, and each has its own stand-in."""
    first, second = ipaddress.IPv4Address("192.0.2.1"), ipaddress.IPv4Address("192.0.2.10")
    texts = [FORMS_V4[form](first), FORMS_V4[form](second)]
    found, key = masked_text(str(first), str(second), *texts)
    assert leaks("\n".join(found).encode(), [str(first), str(second)], ()) == []
    assert found[2] != texts[0]
    assert masking.unmasked_text("\n".join(found[2:]), key)[0] == "\n".join(texts)


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0/0", "127.0.0.1:53", "127.0.0.0/8", "255.255.255.255", "255.255.255.0", "224.0.0.251", "::",
        "::1", "::/0", "fe80::/10", "ff02::1", "00000000:0000", "0100007F:0035", "169.254.0.0/16", "12:34:56",
        "00000000000000000000000001000000:0016", "1:10", "[12:3456]", "00:00:00:00:00:00", "1.2.3", "a::",
    ],
)  # fmt: skip
def test_what_is_nobodys_own_stays(text: str) -> None:
    found, key = masked_text(text)
    assert found == [text] or (text == "a::" and masking.unmasked_text(found[0], key)[0] == text)


NETWORKS = st.lists(
    st.tuples(st.one_of(V4, V6), st.integers(4, 31)).map(
        lambda each: kinds.network(kinds.number(str(each[0])), each[1] + (96 if each[0].version == 4 else 30))
    ),
    max_size=12,
)


@given(st.lists(st.one_of(V4, V6), max_size=40), NETWORKS, st.lists(V4, max_size=5))
def test_whoever_was_in_a_network_is_in_its_stand_in_and_nobody_else(
    addresses: list[ipaddress.IPv4Address], networks: list[kinds.Network], near: list[ipaddress.IPv4Address]
) -> None:
    numbers = {kinds.number(str(each)) for each in [*addresses, *near]}
    numbers |= {each.first + 1 for each in networks} | {each.last for each in networks}
    numbers = {each for each in numbers if not kinds.keeps(each)}
    ours, theirs = layout.stand_ins(numbers, networks)
    assert len(set(ours.values())) == len(ours) >= len(numbers)
    assert not set(ours.values()) & numbers
    for room in kinds.ROOMS:
        inside = [each for each in sorted(numbers) if kinds.room(each) == room]
        assert [ours[each] for each in inside] == sorted(ours[each] for each in inside)
        for net, other in theirs.items():
            if kinds.room(net.first) == room:
                assert other.first == kinds.network(other.first, other.length).first
                assert [other.first <= ours[each] <= other.last for each in inside] == [
                    net.first <= each <= net.last for each in inside
                ]


def test_kinds_of_addresses_as_rules_name_them() -> None:
    """Where an address stands apart from its length, it is nobody's either."""
    text = '{"prefix": {"addr": "fe80::", "len": 10}} {"prefix": {"addr": "169.254.0.0", "len": 16}}'
    [found, *_], key = masked_text(
        text, "fe80::/64 dev eth0", "169.254.0.0/24 dev eth0", "fe80::5", "169.254.0.5"
    )
    assert found == text
    assert sorted(key.addresses) == [kinds.number("169.254.0.5"), kinds.number("fe80::5")]


def test_addresses_that_stand_where_stand_ins_were_to_be() -> None:
    """Spoofed sources may be any."""
    taken = {kinds.number(f"240.0.0.{each}") for each in range(0, 200, 3)}
    net = kinds.network(kinds.number("240.0.0.0"), 96 + 24)
    ours, theirs = layout.stand_ins(taken, [net])
    assert not set(ours.values()) & taken
    assert all(theirs[net].first <= each <= theirs[net].last for each in ours.values())


def test_more_addresses_than_stand_ins() -> None:
    numbers = {kinds.number("169.254.0.0") + each for each in range(1 << 16)}
    with pytest.raises(masking.NoRoom, match="no stand-ins left"):
        layout.stand_ins(numbers, [])


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


def test_mac_addresses() -> None:
    mac, other = "02:42:ac:11:00:02", "02:42:ac:11:00:20"
    texts = (
        f"ether saddr {mac} drop",
        f"MAC={other}:{mac}:08:00 SRC=192.0.2.1",
        f"link/infiniband 80:00:02:08:fe:80:00:00:00:00:00:00:f4:52:14:03:00:7b:cb:a1 {mac.upper()}",
        f"enx{mac.replace(':', '')}: ff:ff:ff:ff:ff:ff",
    )
    found, key = masked_text(*texts)
    assert leaks("\n".join(found).encode(), ["192.0.2.1"], (), [mac, other, "80:00:02:08:fe:80"]) == []
    assert [masking.unmasked_text(text, key)[0].lower() for text in found] == [text.lower() for text in texts]
    assert "ff:ff:ff:ff:ff:ff" in found[3]


@pytest.mark.parametrize(
    "text",
    [
        "bridge_id 8000.2:a:ac:1b:0:7e designated_root 8000.2:a:ac:1b:0:7e", "br0 8000.020aac1b007e no", "Hooli's 02-0A-AC-1B-00-7E.",
        "020a.ac1b.007e", "at 020A.AC1B.007E", "enx020aac1b007e", "wlx020aac1b007e: <UP>", "wwx020aac1b007e.5",
    ],
)  # fmt: skip
def test_other_spellings_of_mac_addresses(text: str) -> None:
    [found], key = masked_text(text)
    assert leaks(found.encode(), (), (), ["02:0a:ac:1b:00:7e"]) == []
    assert masking.unmasked_text(found, key)[0] == text


@pytest.mark.parametrize(
    "text", ["eth-020aac1b007e", "020AAC1B007E", "sci 020aac1b007e0001", "10-11-12-13-14-15"]
)
def test_what_may_be_a_mac_address_is_one_where_there_is_such_a_one(text: str) -> None:
    assert masked_text(text)[0] == [text]
    macs = ["02:0a:ac:1b:00:7e", "10:11:12:13:14:15"]
    [*_, found], key = masked_text(*macs, text)
    assert leaks(found.encode(), (), (), macs) == []
    assert masking.unmasked_text(found, key)[0] == text


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


def test_a_name_in_which_a_shell_finds_more_is_not_put_back_into_text() -> None:
    key = maps.Key(
        names={"a;reboot": "masked-1", "$(id)": "masked-2", "'x": "masked-12", "über-ost": "masked-3"}
    )
    found, left = masking.unmasked_text("ip netns exec masked-1 true; NODE='masked-12' in masked-3", key)
    assert found == "ip netns exec masked-1 true; NODE='masked-12' in über-ost"
    assert left == ["masked-1", "masked-12"]

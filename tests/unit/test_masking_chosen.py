"""Names of chains, sets, tables and interfaces in which somebody's name stands go, and no others."""

from __future__ import annotations

import pytest

from halftrack import masking
from halftrack.evidence.rulesets import Save
from halftrack.evidence.shaping import Interface, Shaping
from halftrack.evidence.values import Evidence, LocalAddress, Namespace, Owner, Table
from halftrack.formats import rules
from halftrack.masking import chosen, searching
from leaks import leaks
from unit.flowrows import flows, one_sided
from unit.test_bundle import packed, plain

OWNERS = (Owner("acme", "4f5e0a1b2c3d" * 4, "podman"), Owner("web-shop", "aaaa0a1b2c3d" * 4, "podman"))
INSIDE = ("acme", "web-shop")
TEXTS = {
    "a save": (
        "*filter\n:INPUT ACCEPT [0:0]\n:ACMEIN - [0:0]\n:hasXacmeX - [0:0]\n:WEBSHOP2 - [0:0]\n"
        "-A INPUT -i vethacme0 -j ACMEIN\n-A INPUT -m set --match-set web_shop_peers src -g hasXacmeX\n"
        "-A ACMEIN -m recent --name myacmelist --set -j CONNMARK\n-A ACMEIN -o lo -j ACCEPT\nCOMMIT\n"
    ),
    "a listing": (
        "Chain INPUT (policy ACCEPT 0 packets, 0 bytes)\n pkts bytes target     prot opt in     out     source  destination\n"
        "    0     0 toACMEnow  all  --  vethacme0 *       0.0.0.0/0            0.0.0.0/0\n\n"
        "Chain toACMEnow (1 references)\n pkts bytes target     prot opt in     out     source  destination\n"
        "   1K  2M myacme2  tcp  --  * *   0.0.0.0/0   0.0.0.0/0\n\nChain myacme2 (1 references)\n"
    ),
    "nft": (
        "table inet acmetable {\n\tset theacmeset {\n\t\ttype ipv4_addr\n\t}\n\tmap ACMEmap2x {\n\t\ttype ipv4_addr : verdict\n\t}\n"
        "\tcounter name_acmes {\n\t}\n\tchain inacme {\n\t\ttype filter hook input priority 0; policy accept;\n"
        '\t\tiifname "vethacme0" ip saddr @theacmeset jump outacme\n\t\tip saddr vmap @ACMEmap2x\n'
        "\t\tgoto webshop4\n\t}\n\tchain outacme {\n\t\tcounter accept\n\t}\n\tchain webshop4 {\n\t}\n}\n"
    ),
    "nft's JSON": (
        '{"nftables": [{"table": {"family": "inet", "name": "acmetable"}}, {"chain": {"family": "inet", "table":'
        ' "acmetable", "name": "inacme"}}, {"rule": {"family": "inet", "table": "acmetable", "chain": "inacme", "expr":'
        ' [{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}}, "right": "@theacmeset"}},'
        ' {"jump": {"target": "webshop4"}}]}}]}'
    ),
}


def evidence(text: str) -> Evidence:
    ruleset = rules.read(None, saves=(Save("iptables-save", "ip", "iptables-nft", text),))
    table = Table(
        Namespace("host"),
        rules=ruleset,
        settings={"net.ipv4.conf.vethacme0.rp_filter": "1"},
        addresses=(LocalAddress("10.7.0.9", 16, "vethacme0"),),
        shaping=(Shaping(0.0, interfaces=(Interface(3, "brACMEx"),), queues=()),),
        flows=flows(one_sided()),
    )
    return Evidence("node1", "bundle", tables=(table,), owners=OWNERS)


@pytest.mark.parametrize("what", TEXTS)
def test_no_name_is_left_in_the_middle_of_another(what: str) -> None:
    seen = evidence(TEXTS[what])
    assert leaks(packed(seen), (), (), inside=INSIDE), "or it would find nothing in what is masked either"
    found, key = masking.masked(seen)
    assert leaks(packed(found), (), (), inside=INSIDE) == []
    assert searching.left(packed(found), key, found) is None
    assert plain(masking.unmasked(found, key)) == plain(seen)


def test_the_rules_are_judged_as_before() -> None:
    """Each chain has one stand-in wherever it is named, and what the packet filter does is no name."""
    seen = evidence(TEXTS["a save"])
    found, _ = masking.masked(seen)
    [ours], [theirs] = (each.tables[0].rules.tables for each in (seen, found))
    assert len(theirs.chains) == len(ours.chains)
    kept = theirs.chains["INPUT"]
    assert [rule.action for rule in kept.rules] == [rule.action for rule in ours.chains["INPUT"].rules]
    raw = str(found.tables[0].rules.raw)
    assert all(word in raw for word in ("CONNMARK", "ACCEPT", "--match-set", "-o lo"))


@pytest.mark.parametrize(
    ("name", "of", "goes"),
    [
        ("ACMEIN", "acme", True), ("in_acme", "acme", False), ("acme-acmex", "acme", True), ("WebShop", "web-shop", True), ("w.e.b_s-hop", "web-shop", True),
        ("_acmex", "acme", True), ("forward", "for", False), ("CONNMARK", "conn", False), ("INPUT", "put", False),
        ("KUBE-SVC-XACME7QZ2LMNOPQR", "acme", False), ("abx", "ab", False), ("other", "acme", False),
        ("x", "", False), ("mytcpchain", "tcp", False),
    ],
)  # fmt: skip
def test_which_ones_go(name: str, of: str, goes: bool) -> None:
    """Of one in which it stands by itself the rest may stay."""
    assert bool(chosen.telling([name], [of])) == goes

"""Where translation leads, of kube-proxy, Docker, IPVS and rules by hand; and whose ports those are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from halftrack.diagnosis import diagnose, fronts
from halftrack.diagnosis.document import Group, OwnerName, Peer
from halftrack.evidence import addresses
from halftrack.evidence.values import Front, Owner, PublishedPort
from halftrack.formats import rules as reading
from halftrack.owners import published
from halftrack.reporters import figures
from halftrack.rulesets.translations import translations
from unit import rules
from unit.flowrows import evidence, one_sided, table

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Ruleset


def shown(found: Ruleset) -> list[tuple[int, str | None, int, list[str], str | None, bool]]:
    return [
        (
            one.protocol,
            None if one.address is None else _text(one.address),
            one.port,
            [f"{_text(end.address)} {end.port}" for end in one.ends],
            one.name,
            one.whole,
        )
        for one in translations(found)
    ]


def _text(address: int) -> str:
    return addresses.to_text(address >> 64, address & ((1 << 64) - 1))


def nat(*lines: str, chains: str = "", family: str = "ip") -> Ruleset:
    declared = "".join(f":{name} - [0:0]\n" for name in chains.split())
    added = "".join(f"-A {line}\n" for line in lines)
    return rules.saved(f"*nat\n:PREROUTING ACCEPT [0:0]\n{declared}{added}COMMIT\n", family)


def test_kube_proxy_with_iptables() -> None:
    """A service of two ends, with a comment that names it."""
    ends = ["10.244.0.5 8080", "10.244.1.7 8080"]
    assert shown(rules.saved("kube-proxy")) == [(6, "10.96.12.34", 80, ends, "default/web", True)]


def test_kube_proxy_with_nft() -> None:
    ends = ["10.244.0.5 8080", "10.244.1.7 8080"]
    assert [one[:4] for one in shown(rules.nft("kube-proxy"))] == [(6, "10.96.12.34", 80, ends)]


def test_docker() -> None:
    assert shown(rules.saved("docker")) == [(6, None, 8080, ["172.17.0.2 80"], None, True)]


def test_a_node_port() -> None:
    found = nat(
        "PREROUTING -j KUBE-SERVICES",
        'KUBE-SERVICES -m comment --comment "kubernetes service nodeports" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
        'KUBE-NODEPORTS -p tcp -m comment --comment "shop/web:http" -m tcp --dport 30080 -j KUBE-EXT-A',
        'KUBE-EXT-A -m comment --comment "masquerade traffic for shop/web:http external destinations" -j KUBE-MARK-MASQ',
        "KUBE-EXT-A -j KUBE-SVC-A",
        'KUBE-SVC-A -m comment --comment "shop/web:http -> 10.244.0.5:8080" -j KUBE-SEP-A',
        'KUBE-SEP-A -p tcp -m comment --comment "shop/web:http" -m tcp -j DNAT --to-destination 10.244.0.5:8080',
        chains="KUBE-SERVICES KUBE-NODEPORTS KUBE-EXT-A KUBE-MARK-MASQ KUBE-SVC-A KUBE-SEP-A",
    )
    assert shown(found) == [(6, None, 30080, ["10.244.0.5 8080"], "shop/web:http", True)]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            "PREROUTING -d 203.0.113.1/32 -p udp -m udp --dport 53 -j DNAT --to-destination 10.0.3.5",
            [(17, "203.0.113.1", 53, ["10.0.3.5 53"], None, True)],
        ),
        (
            "PREROUTING -p tcp -m tcp --dport 9000:9001 -j DNAT --to-destination 10.0.3.5",
            [(6, None, 9000, ["10.0.3.5 9000"], None, True), (6, None, 9001, ["10.0.3.5 9001"], None, True)],
        ),
        # Only for one client: the rest stays the node's own.
        (
            "PREROUTING -s 198.51.100.7/32 -p tcp -m tcp --dport 22 -j DNAT --to-destination 10.0.3.5:22",
            [(6, None, 22, ["10.0.3.5 22"], None, False)],
        ),
        ("PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.3.5:9000-9010", []),
        ("PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.3.5:99999", []),
        ("PREROUTING -p tcp -m tcp ! --dport 80 -j DNAT --to-destination 10.0.3.5:80", []),
        ("PREROUTING -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080", []),
        ("PREROUTING -d 203.0.113.1/32 -j DNAT --to-destination 10.0.3.5", []),
        # A comment is nobody's address, and a name only where kube-proxy writes it.
        (
            (
                'PREROUTING -p tcp -m tcp --dport 80 -m comment --comment "x/y --to-destination 6.6.6.6:6" '
                "-j DNAT --to-destination 10.0.3.5:80"
            ),
            [(6, None, 80, ["10.0.3.5 80"], None, True)],
        ),
    ],
)
def test_a_rule_by_hand(line: str, told: list[object]) -> None:
    assert shown(nat(line)) == told


def test_ports_that_share_a_chain_lead_each_to_its_own_end() -> None:
    """As CNI's portmap writes them."""
    found = nat(
        "PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT",
        'CNI-HOSTPORT-DNAT -p tcp -m comment --comment "dnat name: \\"podman\\"" -m multiport --dports 8080,8443 -j CNI-DN-1',
        'CNI-HOSTPORT-DNAT -p udp -m comment --comment "dnat name: \\"podman\\"" -m multiport --dports 53 -j CNI-DN-1',
        "CNI-DN-1 -s 10.88.0.0/16 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK",
        "CNI-DN-1 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.7:80",
        "CNI-DN-1 -d 127.0.0.1/32 -p tcp -m tcp --dport 8443 -j DNAT --to-destination 10.88.0.7:443",
        "CNI-DN-1 -p udp -m udp --dport 53 -j DNAT --to-destination 10.88.0.7:5353",
        chains="CNI-HOSTPORT-DNAT CNI-DN-1 CNI-HOSTPORT-SETMARK",
    )
    assert shown(found) == [
        (6, None, 8080, ["10.88.0.7 80"], None, True),
        (6, "127.0.0.1", 8443, ["10.88.0.7 443"], None, True),
        (17, None, 53, ["10.88.0.7 5353"], None, True),
    ]


@pytest.mark.parametrize(
    ("lines", "ends", "whole"),
    [
        # All of it is gone before the second rule; a part of it is not; the rest goes the same way.
        (("", ""), ["10.0.0.1 80"], True),
        (("-s 198.51.100.7/32 ", ""), ["10.0.0.1 80", "10.0.0.2 80"], True),
        (("-s 198.51.100.7/32 ", "-s 198.51.100.8/32 "), ["10.0.0.1 80", "10.0.0.2 80"], False),
        (("! -i docker0 ", ""), ["10.0.0.1 80"], True),
    ],
)
def test_a_port_of_two_rules(lines: tuple[str, str], ends: list[str], whole: bool) -> None:
    rest = "-p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.0."
    found = nat(*(f"PREROUTING {line}{rest}{end}" for end, line in enumerate(lines, 1)))
    assert shown(found) == [(6, None, 80, ends, None, whole)]


def test_ipv6() -> None:
    line = "PREROUTING -d 2001:db8::1/128 -p tcp -m tcp --dport 80 -j DNAT --to-destination [fd00::5]:8080"
    assert shown(nat(line, family="ip6")) == [(6, "2001:db8::1", 80, ["fd00::5 8080"], None, True)]
    bare = "PREROUTING -p tcp -m tcp --dport 80 -j DNAT --to-destination fd00::5"
    assert shown(nat(bare, family="ip6")) == [(6, None, 80, ["fd00::5 80"], None, True)]


def test_chains_that_call_each_other_end() -> None:
    found = nat(
        "PREROUTING -j A",
        "A -j B",
        "B -j A",
        "B -p tcp -m tcp --dport 80 -j A",
        "B -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.0.3.5:80",
        chains="A B",
    )
    assert shown(found)[0][:4] == (6, None, 80, ["10.0.3.5 80"])


_IPVS = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600001:01BB rr
  -> 0AF40005:1F90      Masq    1      0          0
  -> 0AF40107:1F90      Masq    1      0          0
UDP  [2001:0db8:0000:0000:0000:0000:0000:0001]:0035 rr
  -> [fd00:0000:0000:0000:0000:0000:0000:0005]:0035      Masq    1      0          0
TCP  0A600002:0050 rr
FWM  00000001 rr
  -> 0AF40005:0000      Masq    1      0          0
"""


def test_ipvs() -> None:
    assert shown(reading.read(None, services=_IPVS)) == [
        (6, "10.96.0.1", 443, ["10.244.0.5 8080", "10.244.1.7 8080"], None, True),
        (17, "2001:db8::1", 53, ["fd00::5 53"], None, True),
    ]


def test_ipvs_that_routes_or_tunnels_has_its_answers_go_past() -> None:
    found = translations(reading.read(None, services=_IPVS.replace("Masq ", "Route", 1)))
    assert [one.past for one in found] == [True, False]
    tunnelled = translations(reading.read(None, services=_IPVS.replace("Masq  ", "Tunnel")))
    assert [one.past for one in tunnelled] == [True, True]


_WORDS = ("-p tcp", "-m tcp", "--dport 80", "--dport 1:65535", "-j A", "-j B", "-d 10.0.0.1/32", "-s 10.0.0.2/32",
          "-j DNAT --to-destination 10.0.3.5:80", "--to-destination", ":", '-m comment --comment "a/b:c"', "!", "-j KUBE-X")  # fmt: skip


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(("PREROUTING", "A", "B", "KUBE-X")), st.lists(st.sampled_from(_WORDS), max_size=5)
        ),
        max_size=12,
    )
)
def test_any_rules_are_survived(lines: list[tuple[str, list[str]]]) -> None:
    found = nat(*(f"{chain} {' '.join(words)}" for chain, words in lines), chains="A B KUBE-X")
    for one in translations(found):
        assert one.ends
        assert 0 < one.port < 65_536
        assert all(end.port is not None and 0 < end.port < 65_536 for end in one.ends)
        assert one.name in (None, "a/b:c")


WEB = Owner(name="web", id="1", runtime="lxc", addresses=("10.0.3.5", "10.0.9.9"))
DB = Owner(
    name="db",
    id="2",
    runtime="docker",
    addresses=("10.0.3.6", "10.0.9.9"),
    ports=(PublishedPort("tcp", 5432, 5432),),
)


@pytest.mark.parametrize(
    ("front", "ports"),
    [
        (Front("tcp", 8080, (("10.0.3.5", 80),)), [PublishedPort("tcp", 8080, 80)]),
        (
            Front("tcp", 8080, (("10.0.3.5", 80),), "203.0.113.1"),
            [PublishedPort("tcp", 8080, 80, "203.0.113.1")],
        ),
        # A cluster's own address is no port of the node, a part of a port is not all of it,
        # and of several ends nobody knows which; an address that two have is nobody's.
        (Front("tcp", 8080, (("10.0.3.5", 80),), "10.96.0.1"), []),
        (Front("tcp", 8080, (("10.0.3.5", 80),), whole=False), []),
        (Front("tcp", 8080, (("10.0.3.5", 80), ("10.0.3.6", 80))), []),
        (Front("tcp", 8080, (("10.0.9.9", 80),)), []),
        (Front("tcp", 8080, (("10.0.3.77", 80),)), []),
    ],
)
def test_a_port_is_an_owners_that_leads_to_it_alone(front: Front, ports: list[PublishedPort]) -> None:
    web, db = published((WEB, DB), (front,), ["203.0.113.1"])
    assert (list(web.ports), db) == (ports, DB)


def test_what_the_runtime_said_is_not_said_twice() -> None:
    front = Front("tcp", 5432, (("10.0.3.6", 5432),), "203.0.113.1")
    assert published((WEB, DB), (front,), ["203.0.113.1"]) == (WEB, DB)


def group(address: str, service: str, side: str, *peers: str) -> Group:
    return Group(
        netns="host",
        owner=OwnerName(name="shop/web-x", id="u", runtime="kubernetes", namespace="shop", pod="web-x"),
        address=address,
        service=service,
        side=side,
        entries=1,
        top_peers=tuple(Peer(address=peer, entries=1) for peer in peers),
    )


FRONTS = (
    Front("tcp", 443, (("10.244.0.5", 8080), ("10.244.1.7", 8080)), "10.96.0.1", "shop/web:https"),
    Front("tcp", 80, (("10.244.0.9", 80),), "10.96.0.2", "shop/one"),
    Front("tcp", 80, (("10.244.0.9", 80),), "10.96.0.3", "shop/two"),
    Front("tcp", 25, (("10.244.0.5", 25),), "10.96.0.4"),
)


def test_what_serves_a_service_is_called_so() -> None:
    (found,) = fronts.named((group("10.244.0.5", "tcp/8080", "server", "192.0.2.1"),), FRONTS)
    assert found.service_name == "shop/web:https"
    assert figures.whose(found) == "shop/web-x (pod) 10.244.0.5 tcp/8080 (shop/web:https) (server side)"


def test_a_client_asks_for_a_service() -> None:
    (found,) = fronts.named((group("10.244.0.5", "tcp/443", "client", "10.96.0.1", "192.0.2.1"),), FRONTS)
    assert (found.service_name, [peer.service_name for peer in found.top_peers]) == (
        None,
        ["shop/web:https", None],
    )


def test_the_one_service_that_a_client_asks_for_stands_beside_it() -> None:
    (found,) = fronts.named((group("10.244.0.5", "tcp/443", "client", "10.96.0.1"),), FRONTS)
    shown = "shop/web-x (pod) 10.244.0.5 tcp/443 (shop/web:https) (client side)"
    assert figures.whose(msgspec.structs.replace(found, peers=1)) == shown
    assert "shop/web:https" not in figures.whose(msgspec.structs.replace(found, peers=2))


@pytest.mark.parametrize(
    "one",
    [
        group("10.244.0.9", "tcp/80", "server"),
        group("10.244.0.5", "udp/8080", "server"),
        group("10.244.0.5", "tcp/25", "server"),
    ],
)
def test_what_two_services_share_and_what_none_is_has_no_name(one: Group) -> None:
    assert fronts.named((one,), FRONTS) == (one,)


def test_a_diagnosis_calls_a_service_by_its_name() -> None:
    """A pod's end of a flow that asked for the service's own address."""
    pod = Owner(
        name="shop/web-x",
        id="u",
        runtime="kubernetes",
        addresses=("10.244.0.5",),
        namespace="shop",
        pod="web-x",
        workload="web",
    )
    flows = [
        one_sided("10.244.0.5", f"192.0.2.{host}", sport=8080, dport=50_000 + host, left=363_000)
        for host in range(1, 9)
    ]
    seen = evidence(table(*flows), owners=(pod,), fronts=FRONTS, kernel="2.6.32")
    (found,) = [one for one in diagnose(seen).findings if one.symptom == "one-sided"]
    (group,) = found.groups
    assert (group.service, group.service_name) == ("tcp/8080", "shop/web:https")
    assert group.owner is not None
    assert (group.owner.pod, group.owner.workload) == ("web-x", "web")

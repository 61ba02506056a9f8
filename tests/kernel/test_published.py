"""Fronts of rules that the real tools took, read back from the kernel."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from halftrack.evidence.values import Front, Namespace
from halftrack.live import published

if TYPE_CHECKING:
    from kernel.scratch import Netns

_IPTABLES = """*nat
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-TCOU7JCQXEZGVUNU - [0:0]
:KUBE-SEP-3OGBHZ5R7QX4VABC - [0:0]
:KUBE-SEP-7L6QXMZC2WEYHDEF - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A PREROUTING -m addrtype --dst-type LOCAL -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.0.3.5:80
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A KUBE-SERVICES -d 10.96.0.10/32 -p udp -m comment --comment "kube-system/kube-dns:dns cluster IP" \
-m udp --dport 53 -j KUBE-SVC-TCOU7JCQXEZGVUNU
-A KUBE-SVC-TCOU7JCQXEZGVUNU -m comment --comment "kube-system/kube-dns:dns -> 10.244.0.2:53" \
-m statistic --mode random --probability 0.5 -j KUBE-SEP-3OGBHZ5R7QX4VABC
-A KUBE-SVC-TCOU7JCQXEZGVUNU -m comment --comment "kube-system/kube-dns:dns -> 10.244.0.3:53" \
-j KUBE-SEP-7L6QXMZC2WEYHDEF
-A KUBE-SEP-3OGBHZ5R7QX4VABC -p udp -m comment --comment "kube-system/kube-dns:dns" -m udp \
-j DNAT --to-destination 10.244.0.2:53
-A KUBE-SEP-7L6QXMZC2WEYHDEF -p udp -m comment --comment "kube-system/kube-dns:dns" -m udp \
-j DNAT --to-destination 10.244.0.3:53
COMMIT
""".replace("\\\n", "")

_NFT = """
table ip kube-proxy {
    comment "rules for kube-proxy"
    set nodeport-ips { type ipv4_addr; elements = { 192.0.2.10 } }
    map service-ips {
        type ipv4_addr . inet_proto . inet_service : verdict
        elements = {
            10.96.0.10 . udp . 53 : goto service-FY5PMXPG-kube-system/kube-dns/udp/dns,
            10.96.0.1 . tcp . 443 : goto service-2QRHZV4L-default/kubernetes/tcp/https
        }
    }
    map service-nodeports {
        type inet_proto . inet_service : verdict
        elements = { tcp . 30443 : goto external-2QRHZV4L-default/kubernetes/tcp/https }
    }
    chain endpoint-O6ON3DXL-kube-system/kube-dns/udp/dns__10.244.0.2/53 {
        meta l4proto udp dnat to 10.244.0.2:53
    }
    chain endpoint-IHIQWJ7L-kube-system/kube-dns/udp/dns__10.244.0.3/53 {
        meta l4proto udp dnat to 10.244.0.3:53
    }
    chain endpoint-AAAABBBB-default/kubernetes/tcp/https__192.0.2.2/6443 {
        meta l4proto tcp dnat to 192.0.2.2:6443
    }
    chain service-FY5PMXPG-kube-system/kube-dns/udp/dns {
        numgen random mod 2 vmap {
            0 : goto endpoint-O6ON3DXL-kube-system/kube-dns/udp/dns__10.244.0.2/53,
            1 : goto endpoint-IHIQWJ7L-kube-system/kube-dns/udp/dns__10.244.0.3/53 }
    }
    chain service-2QRHZV4L-default/kubernetes/tcp/https {
        goto endpoint-AAAABBBB-default/kubernetes/tcp/https__192.0.2.2/6443
    }
    chain external-2QRHZV4L-default/kubernetes/tcp/https {
        goto service-2QRHZV4L-default/kubernetes/tcp/https
    }
    chain services {
        ip daddr . meta l4proto . th dport vmap @service-ips
        ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
    }
    chain nat-prerouting { type nat hook prerouting priority dstnat; jump services; }
    chain nat-output { type nat hook output priority -100; jump services; }
}
"""
_DNS = Front("udp", 53, (("10.244.0.2", 53), ("10.244.0.3", 53)), "10.96.0.10", "kube-system/kube-dns:dns")


def read(netns: Netns) -> list[Front]:
    fronts, gaps = published.read([Namespace(netns.name, netns.inode, netns.path)])
    assert gaps == ()
    return sorted(fronts, key=lambda one: (one.port, one.address or ""))


@pytest.mark.parametrize("flavour", ["legacy", "nft"])
def test_kube_proxy_and_a_port_by_hand_with_iptables(netns: Netns, flavour: str) -> None:
    tool = f"iptables-{flavour}-restore"
    if shutil.which(tool) is None:
        pytest.skip(f"needs {tool}")
    netns.run(tool, stdin=_IPTABLES)
    assert read(netns) == [_DNS, Front("tcp", 8080, (("10.0.3.5", 80),))]


def test_kube_proxy_with_nft(netns: Netns) -> None:
    netns.run("nft", "-f", "-", stdin=_NFT)
    name = "default/kubernetes:https"
    assert read(netns) == [
        replace(_DNS, whole=False),  # by a number that is drawn: which end takes what is not told
        Front("tcp", 443, (("192.0.2.2", 6443),), "10.96.0.1", name),
        Front("tcp", 30443, (("192.0.2.2", 6443),), "192.0.2.10", name),
    ]


def test_a_port_by_hand_with_nft(netns: Netns) -> None:
    rules = "add table ip mine; add chain ip mine in { type nat hook prerouting priority -100; };"
    netns.run("nft", rules + 'add rule ip mine in iifname "eth0" tcp dport 2222 counter dnat to 10.0.3.5:22')
    assert read(netns) == [Front("tcp", 2222, (("10.0.3.5", 22),), whole=False)]


def test_no_rules_lead_nowhere(netns: Netns) -> None:
    assert read(netns) == []

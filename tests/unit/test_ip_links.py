"""Interfaces as ip(8) shows them, of whatever release, and any text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from halftrack.evidence.shaping import Interface
from halftrack.formats import ip_links

DETAILED = """1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00 promiscuity 0 minmtu 0 maxmtu 0 numtxqueues 1
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
17: veth7a@if2: <BROADCAST,UP> mtu 1500 qdisc noqueue master br0 state UP group default
    link/ether d6:a6:b1:9d:cf:6e brd ff:ff:ff:ff:ff:ff link-netnsid 3 promiscuity 1
    alias dummy of somebody
    veth
    bridge_slave state forwarding priority 32 numtxqueues 4
18: br0.10@br0: <BROADCAST,UP> mtu 1500
    link/ether d6:a6:b1:9d:cf:6f brd ff:ff:ff:ff:ff:ff promiscuity 0
    vlan protocol 802.1Q id 10 <REORDER_HDR> numtxqueues 1
19: br0: <BROADCAST,UP> mtu 1500
20: out@NONE: <BROADCAST> mtu 1500
    link/ether d6:a6:b1:9d:cf:70 brd ff:ff:ff:ff:ff:ff link-netns web promiscuity 0
    veth numtxqueues 4
"""
FOUND = (
    Interface(1, "lo"),
    Interface(17, "veth7a", "veth", 2, link_elsewhere=True),
    Interface(18, "br0.10", "vlan", 19),
    Interface(19, "br0"),
    Interface(20, "out", "veth", None, link_elsewhere=True),
)


def test_the_other_end_of_a_link_is_known() -> None:
    assert ip_links.parse(DETAILED) == FOUND
    assert ip_links.parse(DETAILED.replace("\n    ", "\\    ")) == FOUND


def test_busybox_names_no_kinds() -> None:
    text = "2: eth0@if17: <BROADCAST,UP> mtu 1500 qdisc noqueue\n    link/ether d6:a6:b1:9d:cf:6e brd x\n"
    assert ip_links.parse(text) == (Interface(2, "eth0", None, 17, link_elsewhere=True),)


@given(st.text(alphabet="0123: @if<>\\\n ab-", max_size=200))
def test_any_text(text: str) -> None:
    for each in ip_links.parse(text):
        assert each.name

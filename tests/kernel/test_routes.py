"""Which way answers leave: routes made for real, against what ip(8) says."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import pytest

from halftrack.evidence.routing import DefaultRoute, WayBack
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.kernel import routes

if TYPE_CHECKING:
    from halftrack.evidence.routing import Routing
    from kernel.scratch import Netns

HERE, FAR, NEAR, NOWHERE = "10.79.1.1", "203.0.113.5", "198.51.100.1", "192.0.2.1"


def two_interfaces(netns: Netns) -> None:
    for name, address in (("one", HERE), ("two", "10.79.2.1")):
        netns.run("ip", "link", "add", "name", name, "type", "veth", "peer", "name", f"{name}-end")
        netns.run("ip", "address", "add", f"{address}/24", "dev", name)
        for end in (name, f"{name}-end"):
            netns.run("ip", "link", "set", end, "up")


@pytest.fixture
def forked(netns: Netns) -> Netns:
    """Two interfaces with a default route each; the better one is not where ``HERE`` is."""
    two_interfaces(netns)
    netns.run("ip", "route", "add", "default", "via", "10.79.2.2", "metric", "5")
    netns.run("ip", "route", "add", "default", "via", "10.79.1.2", "metric", "100")
    netns.run("ip", "route", "add", f"{NEAR}/32", "via", "10.79.1.2")
    netns.run("ip", "route", "add", "blackhole", f"{NOWHERE}/32")
    return netns


def read(netns: Netns, *ends: tuple[str, str]) -> Routing:
    return netns.call(lambda: routes.read(ends))


def test_ways_back(forked: Netns) -> None:
    ends = ((HERE, FAR), (HERE, NEAR), (HERE, NOWHERE), ("10.99.9.9", FAR), ("fd79::1", "2001:db8::1"))
    far, near, nowhere, passed_on, other_family = read(forked, *ends).ways
    (shown,) = json.loads(forked.run("ip", "-j", "route", "get", FAR, "from", HERE))
    assert far == WayBack(HERE, FAR, shown["dev"], "one")
    assert (far.astray, far.interface) == (True, "two")
    assert (near.astray, near.interface) == (False, "one")
    assert (nowhere.astray, nowhere.interface) == (False, None)
    assert (passed_on.expected, passed_on.astray, passed_on.interface) == (None, False, "two")
    assert other_family.interface is None


def test_default_routes_and_rules(forked: Netns) -> None:
    assert read(forked).rules == 0
    forked.run("ip", "rule", "add", "from", HERE, "table", "99")
    forked.run("ip", "route", "add", "default", "via", "10.79.1.3", "table", "99")
    found = read(forked, (HERE, FAR))
    assert found.rules == 1
    assert set(found.defaults) == {
        DefaultRoute(AF_INET, "two", "10.79.2.2", 5, 254),
        DefaultRoute(AF_INET, "one", "10.79.1.2", 100, 254),
        DefaultRoute(AF_INET, "one", "10.79.1.3", 0, 99),
    }
    # The rule is what sends the answer back to where it came from.
    assert not found.ways[0].astray
    assert not any(route.family == AF_INET6 for route in found.defaults)


def test_next_hops_of_one_route(netns: Netns) -> None:
    two_interfaces(netns)
    hops = ("nexthop", "via", "10.79.1.2", "nexthop", "via", "10.79.2.2")
    try:
        netns.run("ip", "route", "add", "default", *hops)
    except subprocess.CalledProcessError:
        pytest.skip("this kernel has no multipath routes")
    assert [(route.interface, route.gateway) for route in read(netns).defaults] == [
        ("one", "10.79.1.2"),
        ("two", "10.79.2.2"),
    ]


def test_the_stricter_filter_counts(forked: Netns) -> None:
    forked.run("sysctl", "-q", "-w", "net.ipv4.conf.all.rp_filter=0")
    for name in ("one-end", "two", "two-end"):
        forked.run("sysctl", "-q", "-w", f"net.ipv4.conf.{name}.rp_filter=0")
    forked.run("sysctl", "-q", "-w", "net.ipv4.conf.one.rp_filter=1")
    assert read(forked).rp_filter == {"one": 1}
    forked.run("sysctl", "-q", "-w", "net.ipv4.conf.all.rp_filter=2")
    assert read(forked).rp_filter == dict.fromkeys(("one", "one-end", "two", "two-end"), 2)


def test_a_namespace_with_nothing(netns: Netns) -> None:
    found = read(netns, ("127.0.0.1", FAR))
    assert (found.defaults, found.rules, found.unread) == ((), 0, ())
    assert found.ways[0].interface is None

"""Settings, counters, addresses and memory of a namespace, against the tools that show them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.kernel import counters, interfaces, slab, survey, sysctl
from kernel.filling import fill

if TYPE_CHECKING:
    from kernel.scratch import Netns


def test_every_setting_as_sysctl_shows_it(netns: Netns) -> None:
    """Values are the namespace's own, under their full names."""
    netns.sysctl("nf_conntrack_tcp_timeout_established", 7440)
    shown = dict(
        line.split(" = ", 1)
        for line in netns.run("sysctl", "-a", "-r", r"^net\.netfilter\.nf_conntrack").splitlines()
    )

    found = netns.call(sysctl.settings)

    assert found["net.netfilter.nf_conntrack_tcp_timeout_established"] == "7440"
    assert {name: value for name, value in found.items() if name.startswith("net.netfilter.")} == shown
    assert (
        found["net.ipv4.tcp_keepalive_time"]
        == netns.run("sysctl", "-n", "net.ipv4.tcp_keepalive_time").strip()
    )
    assert found["net.ipv4.ip_local_port_range"].split() == ["32768", "60999"]
    assert "net.nf_conntrack_max" not in found
    assert "net.nf_conntrack_max" in sysctl.settings()


def test_how_full(netns: Netns) -> None:
    fill(netns, 12)
    found = netns.call(sysctl.limits)
    assert found.count == netns.call(sysctl.count) == 12
    assert found.limit == int(netns.run("sysctl", "-n", "net.netfilter.nf_conntrack_max"))
    assert found.buckets == int(netns.run("sysctl", "-n", "net.netfilter.nf_conntrack_buckets"))
    assert found.buckets == sysctl.hash_size()


def test_counters_as_conntrack_shows_them(netns: Netns) -> None:
    """Summed over CPUs; the number of entries stands beside them."""
    fill(netns, 12)
    summed: dict[str, int] = {}
    for name, value in re.findall(r"(\w+)=(\d+)", netns.run("conntrack", "-S")):
        summed[name] = summed.get(name, 0) + int(value)

    reading = netns.call(lambda: counters.read(survey.net_directory()))

    assert reading is not None
    values = reading.counters().values
    assert reading.entries == values["entries"] == 12
    for name in ("found", "invalid", "insert", "insert_failed", "drop", "early_drop"):
        assert values[name] == summed[name]
    assert values["insert"] == 12


def test_addresses_as_ip_shows_them(netns: Netns) -> None:
    """On a point-to-point link the near end is ours."""
    netns.run("ip", "link", "add", "ht0", "type", "veth", "peer", "name", "ht1")
    netns.run("ip", "addr", "add", "192.0.2.1/24", "dev", "ht0")
    netns.run("ip", "addr", "add", "198.51.100.1", "peer", "198.51.100.2", "dev", "ht0")
    netns.run("ip", "addr", "add", "2001:db8::1/64", "dev", "ht0", "nodad")
    netns.run("ip", "link", "set", "ht0", "up")
    shown = {
        (one["local"], one["prefixlen"], link["ifname"])
        for link in json.loads(netns.run("ip", "-j", "addr"))
        for one in link["addr_info"]
    }

    found = {(one.address, one.prefix, one.interface) for one in netns.call(interfaces.addresses)}

    assert found == shown
    assert ("198.51.100.1", 32, "ht0") in found


def test_bytes_of_an_entry_agree() -> None:
    """sysfs and slabinfo tell the same."""
    size = slab.entry_bytes()
    assert size is not None
    lines = Path("/proc/slabinfo").read_text(encoding="ascii").splitlines()
    (row,) = [line.split() for line in lines if line.startswith("nf_conntrack ")]
    assert size == int(row[3])

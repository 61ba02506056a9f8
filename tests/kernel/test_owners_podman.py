"""Real Podman containers, in network, mount and process namespaces of the test's own."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kernel import podman

_CONTAINERS = """
start --name ht-web --publish 127.0.0.1:18080:80 --publish 5353:53/udp
start --name ht-beside --network container:ht-web
start --name ht-alone --network none
"""

_ASK = """
import dataclasses, io, json, os, subprocess, sys
from halftrack import collecting
from halftrack import formats, owners
from halftrack.live import collected as collection
from halftrack.live import reports
from unit.reports import archive as reports_archive
from halftrack.kernel import namespaces
from halftrack.live import published
spaces, _ = namespaces.find()
known, gaps = owners.find(spaces, timeout_s=20)
fronts, untold = published.read(spaces)
bare = [dataclasses.replace(one, ports=()) for one in known]
script = collecting.script()
made = subprocess.run(["sh", "-s"], input=script, capture_output=True, check=True,
                      env={**os.environ, "HALFTRACK_BETWEEN": "1"})
collected = formats.read(["-"], stdin=io.BytesIO(made.stdout), collected=collection.read).owners
inspected = subprocess.run(["podman", "inspect", "ht-web", "ht-alone"], capture_output=True, check=True).stdout
report = reports_archive({"sos_commands/podman/podman_inspect": inspected.decode(),
                          "sos_commands/kernel/sysctl_-a": "net.netfilter.nf_conntrack_max = 9"})
reported = formats.read(["-"], stdin=io.BytesIO(report), reported=reports.read).owners
traced, _ = owners.find(spaces, timeout_s=20, runtimes=())
print(json.dumps({
    "owners": [dataclasses.asdict(one) for one in known],
    "traced": [dataclasses.asdict(one) for one in traced],
    "gaps": [dataclasses.asdict(one) for one in (*gaps, *untold)],
    "led": [dataclasses.asdict(one) for one in owners.published(bare, fronts, [])],
    "collected": [dataclasses.asdict(one) for one in collected],
    "reported": [dataclasses.asdict(one) for one in reported],
    "inodes": [one.inode for one in spaces],
}))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is known of three containers, two of them in one namespace."""
    said: dict[str, Any] = json.loads(podman.told(tmp_path_factory.mktemp("podman"), _CONTAINERS, _ASK))
    return said


def test_containers_that_share_a_namespace_are_one_owner(told: dict[str, Any]) -> None:
    """Named after the one that the addresses and ports were given to."""
    assert [one["name"] for one in told["owners"]] == ["ht-alone", "ht-web"]
    assert {one["runtime"] for one in told["owners"]} == {"podman"}
    assert told["gaps"] == []


def test_each_owner_has_its_own_namespace(told: dict[str, Any]) -> None:
    inodes = [one["netns_inode"] for one in told["owners"]]
    assert len(set(inodes)) == 2
    assert set(inodes) < set(told["inodes"])


def test_published_ports_lead_to_the_container(told: dict[str, Any]) -> None:
    web = told["owners"][1]
    assert web["addresses"][0].startswith("10.88.")
    assert web["ports"] == [
        {"protocol": "udp", "host_port": 5353, "port": 53, "host_address": None},
        {"protocol": "tcp", "host_port": 18080, "port": 80, "host_address": "127.0.0.1"},
    ]


def test_what_the_script_collects_tells_the_same(told: dict[str, Any]) -> None:
    assert told["collected"] == told["owners"]


def test_a_report_tells_the_same_but_numbers_of_namespaces(told: dict[str, Any]) -> None:
    """Of one without an address or a port nothing could be told."""
    assert [one["name"] for one in told["reported"]] == ["ht-web"]
    [here] = [one for one in told["owners"] if one["name"] == "ht-web"]
    assert told["reported"] == [here | {"netns_inode": None, "addresses": here["addresses"][:1]}]


def test_traces_alone_tell_the_same_names(told: dict[str, Any]) -> None:
    """Without a cgroup of their own and without asking Podman: the monitor's arguments name them."""
    shown = ("name", "id", "runtime", "netns_inode", "addresses")
    assert [[one[key] for key in shown] for one in told["traced"]] == [
        [one[key] for key in shown] for one in told["owners"]
    ]


def test_the_rules_tell_the_same_ports(told: dict[str, Any]) -> None:
    """Without a word from Podman: its rules of translation lead to the container's address.

    A port of one address of the node is such only where that address is known to be the node's.
    """
    (alone, web) = told["led"]
    assert alone["ports"] == []
    assert [port for port in told["owners"][1]["ports"] if port["host_address"] is None] == web["ports"]

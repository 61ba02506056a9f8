"""Queueing disciplines of a namespace, against tc(8)."""

from __future__ import annotations

import contextlib
import json
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack.formats import tc
from halftrack.kernel import netns_ids, queues, traffic_control
from kernel.scratch import Netns, scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.shaping import Queue, Shaping

TBF = ("root", "handle", "1:", "tbf", "rate", "400kbit", "burst", "2kb", "limit", "10kb")


@pytest.fixture
def pair(netns: Netns) -> Iterator[tuple[Netns, Netns]]:
    """Two namespaces and a veth between them, whose neighbours need not be asked for."""
    with scratch_netns("end") as other:
        netns.run("ip", "link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", other.name)
        for end, name, address in ((netns, "out0", "10.79.2.1/24"), (other, "eth0", "10.79.2.2/24")):
            end.run("ip", "address", "add", address, "dev", name)
            end.run("ip", "link", "set", name, "up")
        yield netns, other


def read(netns: Netns) -> Shaping:
    return queues.shaping(netns.call(traffic_control.read))


def burst(netns: Netns, to: str, packets: int) -> None:
    sender = netns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    with sender:
        for _ in range(packets):
            sender.sendto(bytes(1000), (to, 9))


def on(found: Shaping, name: str) -> tuple[Queue, ...]:
    (index,) = [each.index for each in found.interfaces if each.name == name]
    return found.on(index)


def shown(netns: Netns, what: str, device: str) -> list[dict[str, object]]:
    made: list[dict[str, object]] = json.loads(netns.run("tc", "-j", "-s", what, "show", "dev", device))
    return made


def test_tbf_that_drops(pair: tuple[Netns, Netns]) -> None:
    near, _ = pair
    near.run("tc", "qdisc", "replace", "dev", "out0", *TBF)
    before = read(near)
    burst(near, "10.79.2.2", 60)
    (tbf,) = on(read(near), "out0")
    (fresh,) = on(before, "out0")
    (line,) = shown(near, "qdisc", "out0")

    assert (tbf.kind, tbf.rate, tbf.limits, tbf.handle) == ("tbf", 50_000, True, "1:")
    assert tbf.drops
    assert fresh.drops == 0
    # tc asks a little later, when some more may have left.
    assert tbf.drops == line["drops"]
    assert tbf.overlimits is not None
    assert tbf.overlimits <= line["overlimits"]
    assert (tbf.backlog or 0) > 0


def test_htb_and_its_classes(pair: tuple[Netns, Netns]) -> None:
    near, _ = pair
    near.run("tc", "qdisc", "add", "dev", "out0", "root", "handle", "1:", "htb", "default", "20")
    for number, rate, ceil in ((10, "5mbit", "40gbit"), (20, "64kbit", "64kbit")):
        words = ("classid", f"1:{number}", "htb", "rate", rate, "ceil", ceil)
        near.run("tc", "class", "add", "dev", "out0", "parent", "1:", *words)
    burst(near, "10.79.2.2", 40)
    by_handle = {queue.handle: queue for queue in on(read(near), "out0")}

    assert set(by_handle) == {"1:", "1:10", "1:20"}
    assert (by_handle["1:10"].rate, by_handle["1:10"].ceil) == (625_000, 5_000_000_000)
    assert (by_handle["1:20"].rate, by_handle["1:20"].is_class) == (8_000, True)
    assert by_handle["1:20"].backlog
    assert not by_handle["1:10"].backlog
    assert by_handle["1:"].backlog == by_handle["1:20"].backlog


def test_what_looks_at_what_comes_in(pair: tuple[Netns, Netns]) -> None:
    near, _ = pair
    near.run("tc", "qdisc", "add", "dev", "out0", "clsact")
    match = ("u32", "match", "u32", "0", "0", "action", "mirred", "egress", "redirect", "dev", "lo")
    near.run("tc", "filter", "add", "dev", "out0", "ingress", "prio", "1", *match)
    (entrance,) = [queue for queue in on(read(near), "out0") if queue.parent == "ingress"]
    assert (entrance.kind, entrance.limits) == ("clsact", False)
    assert "u32 mirred" in entrance.filters


def test_both_ends_name_each_other(pair: tuple[Netns, Netns]) -> None:
    near, far = pair
    (out,) = [each for each in read(near).interfaces if each.name == "out0"]
    (eth,) = [each for each in read(far).interfaces if each.name == "eth0"]
    assert (out.kind, out.link, out.link_elsewhere) == ("veth", eth.index, True)
    assert (eth.link, eth.link_elsewhere) == (out.index, True)


def test_the_other_end_is_known_by_its_namespace(pair: tuple[Netns, Netns]) -> None:
    """Numbers of interfaces repeat from namespace to namespace; the kernel tells which one is meant."""
    near, far = pair
    with contextlib.ExitStack() as stack:
        fds = {}
        for netns in pair:
            file = stack.enter_context(Path(netns.path).open("rb"))
            fds[netns.inode] = file.fileno()
        known = near.call(lambda: netns_ids.inodes(fds))
        found = queues.shaping(near.call(traffic_control.read), known)
    (out,) = [each for each in found.interfaces if each.name == "out0"]
    assert out.link_netns == far.inode
    assert near.inode not in known.values()


def test_more_than_are_worth_it(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was not read is said."""
    monkeypatch.setattr(traffic_control, "MOST", 2)
    netns.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1")
    found = read(netns)
    assert found.unread == ("more than 2 interfaces",)
    assert len(found.interfaces) == 2


def test_tc_as_text_tells_the_same(pair: tuple[Netns, Netns]) -> None:
    """What a bundle holds, beside what the kernel says itself."""
    near, _ = pair
    near.run("tc", "qdisc", "add", "dev", "out0", "root", "handle", "1:", "htb", "default", "20")
    words = ("classid", "1:20", "htb", "rate", "64kbit", "ceil", "1mbit")
    near.run("tc", "class", "add", "dev", "out0", "parent", "1:", *words)
    near.run("tc", "qdisc", "add", "dev", "out0", "clsact")
    classes = near.run("tc", "-s", "class", "show", "dev", "out0")
    told = tc.parse(near.run("tc", "-s", "qdisc", "show"), {"out0": classes}, 0.0)
    known = read(near)
    for one, other in zip(on(told, "out0"), on(known, "out0"), strict=True):
        assert (one.kind, one.handle, one.parent, one.is_class) == (
            other.kind,
            other.handle,
            other.parent,
            other.is_class,
        )
        assert (one.rate, one.ceil, one.drops, one.requeues) == (
            other.rate,
            other.ceil,
            other.drops,
            other.requeues,
        )

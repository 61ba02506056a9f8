"""The closer look of an examination, and what the causes make of it: each trouble made for real."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from halftrack import live
from halftrack.diagnosis import examine
from halftrack.diagnosis.gaps import CAUSES
from halftrack.evidence import uapi
from halftrack.kernel import sock_diag, tcp_sockets, tracking, traffic_control
from kernel.arrivals import SERVER, arrive, tracked_netns
from kernel.delaying import long_way
from kernel.examining import table
from kernel.filling import fill
from kernel.inject import End, Entries, inject
from kernel.processes import process_in
from kernel.routed import Nameless
from kernel.scratch import Netns, scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.document import Cause
    from halftrack.evidence.values import Evidence

_SYN = 0x02
NET = f"10.{80 + os.getpid() % 100}.{os.getpid() // 100 % 256}"
"""Addresses that other runs on this machine do not use: whose an address is must be plain."""
NODE, WEB = f"{NET}.1", f"{NET}.2"
SLOW = ("rate", "64kbit", "burst", "2kb", "limit", "100kb")


def one_sided(netns: Netns, server: str, port: int, count: int = 60) -> None:
    """What a server's late packets leave, one by one: nobody answers."""
    clients = np.arange(count, dtype=np.uint32) + 0xC6336401
    ours = np.full(count, struct.unpack("!I", socket.inet_aton(server))[0], dtype=np.uint32)
    inject(
        netns.path,
        Entries(
            End(ours, clients, port, 50_000),
            End(clients, ours, 50_000, port),
            count=count,
            timeout=np.linspace(20, 290, count).astype(np.uint32),
            state=uapi.TCP_CONNTRACK_ESTABLISHED,
            tcp_flags=(0x0A, 0x0A),
        ),
    )


def looked_at(path: str) -> Evidence:
    return live.examine(path, in_depth=True, counters_interval_s=0.5)


def causes(found: Evidence, *symptoms: str) -> dict[str, Cause]:
    """Of the largest finding with one of these symptoms."""
    findings = [each for each in examine(found).diagnosis.findings if each.symptom in symptoms]
    finding = max(findings, key=lambda each: each.entries)
    return {cause.cause: cause for cause in finding.causes}


@pytest.fixture
def linked() -> Iterator[tuple[Netns, Netns]]:
    """A nameless node, and a container that is linked to it."""
    with process_in(None) as process, scratch_netns("web") as web:
        node = Nameless(process.pid)
        node.run("ip", "link", "add", "web", "type", "veth", "peer", "name", "eth0", "netns", web.name)
        for end, name, address in ((node, "web", NODE), (web, "eth0", WEB)):
            end.run("ip", "address", "add", f"{address}/24", "dev", name)
            end.run("ip", "link", "set", name, "up")
        one_sided(node, WEB, 80)
        yield node, web


@contextlib.contextmanager
def sending(netns: Netns, to: str) -> Iterator[None]:
    """Some hundred packets a second, as long as it takes."""
    stop = threading.Event()
    sender = netns.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM))

    def send() -> None:
        while not stop.wait(0.004):
            with contextlib.suppress(OSError):
                sender.sendto(bytes(800), (to, 9))

    thread = threading.Thread(target=send, daemon=True)
    with sender:
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()


def test_a_shaper_in_the_container(linked: tuple[Netns, Netns]) -> None:
    node, web = linked
    web.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *SLOW)
    with sending(web, NODE):
        time.sleep(0.5)  # the queue is full
        found = looked_at(node.path)

    weighed = causes(found, "one-sided", "orphaned")
    assert next(iter(weighed)) == "shaping"
    assert weighed["shaping"].confidence >= 0.5
    assert any(f"tbf 64kbit on eth0 of {web.name}" in reason.what for reason in weighed["shaping"].for_)
    assert not weighed["shaping"].missing


def test_a_shaper_on_the_nodes_end(linked: tuple[Netns, Netns]) -> None:
    node, web = linked
    node.run("tc", "qdisc", "add", "dev", "web", "root", "handle", "1:", "htb", "default", "10")
    node.run("tc", "class", "add", "dev", "web", "parent", "1:", "classid", "1:10", "htb", "rate", "64kbit")
    with sending(node, WEB):
        time.sleep(0.5)  # the queue is full
        found = looked_at(node.path)

    weighed = causes(found, "one-sided", "orphaned")
    assert next(iter(weighed)) == "shaping"
    assert any("htb 64kbit on web of" in reason.what for reason in weighed["shaping"].for_)
    first, second = table(found, web.name).shaping
    assert second.at_s - first.at_s >= 0.4


def test_a_container_with_the_address_of_another(linked: tuple[Netns, Netns]) -> None:
    """Whose the entries are is told by where the links lead."""
    node, web = linked
    web.run("tc", "qdisc", "add", "dev", "eth0", "root", "tbf", *SLOW)
    with process_in(None) as process, scratch_netns("twin") as twin:
        other = Nameless(process.pid)
        other.run("ip", "link", "add", "web", "type", "veth", "peer", "name", "eth0", "netns", twin.name)
        twin.run("ip", "address", "add", f"{WEB}/24", "dev", "eth0")
        twin.run("ip", "link", "set", "eth0", "up")
        with sending(web, NODE):
            time.sleep(0.5)  # the queue is full
            found = looked_at(node.path)
    (eth,) = [each for each in table(found, web.name).shaping[-1].interfaces if each.name == "eth0"]
    assert eth.link_netns == Path(node.path).stat().st_ino
    weighed = causes(found, "one-sided", "orphaned")
    assert any(f"tbf 64kbit on eth0 of {web.name}" in reason.what for reason in weighed["shaping"].for_)


def test_no_shaper(linked: tuple[Netns, Netns]) -> None:
    node, _ = linked
    weighed = causes(looked_at(node.path), "one-sided", "orphaned")
    assert next(iter(weighed)) == "unknown"
    against = weighed["shaping"].against if "shaping" in weighed else ()
    assert "shaping" not in weighed or any("rate limits on the way" in reason.what for reason in against)


def test_a_long_way() -> None:
    """Round trips of half a second, measured by the server's own sockets."""
    with long_way(0.25, NODE, WEB) as way, contextlib.ExitStack() as stack:
        listener = stack.enter_context(way.far.call(lambda: socket.create_server((WEB, 8080), backlog=32)))
        for _ in range(8):
            client = stack.enter_context(
                way.near.call(lambda: socket.create_connection((WEB, 8080), timeout=20))
            )
            served = stack.enter_context(listener.accept()[0])
            served.sendall(b"!")
            assert client.recv(1) == b"!"
        one_sided(way.far, WEB, 8080)
        found = looked_at(way.far.path)

    weighed = causes(found, "one-sided", "orphaned")
    assert next(iter(weighed)) == "slow-path"
    assert weighed["slow-path"].confidence >= 0.5
    (middle,) = [reason for reason in weighed["slow-path"].for_ if "the middle round trip" in reason.what]
    assert isinstance(middle.value, int)
    assert middle.value >= 500
    assert "round-trip times" not in " ".join(weighed["slow-path"].missing)


def test_a_short_way(netns: Netns) -> None:
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(netns.call(lambda: socket.create_server(("127.0.0.1", 8080))))
        netns.run("ip", "address", "add", f"{WEB}/32", "dev", "lo")
        here = stack.enter_context(netns.call(lambda: socket.create_server((WEB, 8080), backlog=32)))
        for _ in range(8):
            stack.enter_context(netns.call(lambda: socket.create_connection((WEB, 8080))))
            stack.enter_context(here.accept()[0]).sendall(b"!")
        one_sided(netns, WEB, 8080)
        found = looked_at(netns.path)
    weighed = causes(found, "one-sided", "orphaned")
    assert any("are quicker" in reason.what for reason in weighed["slow-path"].against)
    assert listener is not None


def test_answers_that_leave_by_another_interface(linked: tuple[Netns, Netns]) -> None:
    """The container has a second way out, and it is the better one."""
    node, web = linked
    web.run("ip", "link", "add", "name", "eth1", "type", "veth", "peer", "name", "end1")
    for name in ("eth1", "end1"):
        web.run("ip", "link", "set", name, "up")
    web.run("ip", "address", "add", "10.79.3.1/24", "dev", "eth1")
    web.run("ip", "route", "add", "default", "via", "10.79.3.2")
    found = looked_at(node.path)

    routing = table(found, web.name).routing
    assert routing is not None
    assert {(way.local, way.interface, way.expected) for way in routing.ways} == {(WEB, "eth1", "eth0")}
    weighed = causes(found, "one-sided")
    assert next(iter(weighed)) == "asymmetric-path"
    assert any("would not leave by eth0" in reason.what for reason in weighed["asymmetric-path"].for_)


def test_a_burst_of_handshakes_that_nobody_means() -> None:
    """Forged senders at a listener with a small queue: cookies go out and none comes back."""
    with tracked_netns("flood") as netns:
        netns.run("ip", "address", "add", f"{socket.inet_ntoa(SERVER)}/32", "dev", "lo")
        netns.run("sysctl", "-q", "-w", "net.ipv4.tcp_max_syn_backlog=16", "net.ipv4.tcp_syncookies=1")
        address = (socket.inet_ntoa(SERVER), 80)
        with netns.call(lambda: socket.create_server(address, backlog=4)):
            burst = threading.Thread(
                target=netns.call, args=(lambda: arrive(150, 4.0, ((False, _SYN),)),), daemon=True
            )
            burst.start()
            time.sleep(1.5)  # in the middle of the burst
            found = looked_at(netns.path)
            burst.join()

    weighed = causes(found, "half-open")
    assert next(iter(weighed)) == "syn-flood"
    assert weighed["syn-flood"].confidence >= 0.7
    assert any("SYN cookies sent meanwhile" in reason.what for reason in weighed["syn-flood"].for_)
    assert weighed["syn-flood"].missing == ()


def test_nothing_is_looked_at_where_nothing_is_stuck(netns: Netns) -> None:
    netns.call(tracking.begin)
    fill(netns, 1_200)
    one = table(looked_at(netns.path), netns.name)
    assert (one.tcp, one.stack, one.shaping) == (None, (), ())


def test_nobody_asked(netns: Netns) -> None:
    one_sided(netns, WEB, 8080)
    one = table(live.examine(netns.path, counters_interval_s=0.0), netns.name)
    assert (one.tcp, one.stack, one.shaping) == (None, (), ())


def test_what_could_not_be_looked_at_is_said(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would have told why, not whether: nothing else becomes doubtful for it."""
    one_sided(netns, WEB, 8080)

    def refused(**_: object) -> None:
        raise sock_diag.Unfinished("the kernel did not answer in time")

    monkeypatch.setattr(tcp_sockets, "read", refused)
    monkeypatch.setattr(traffic_control, "MOST", 0)
    found = looked_at(netns.path)
    gaps = {gap.what: gap.why for gap in found.gaps if gap.netns == netns.name}
    assert gaps[f"round-trip times of the sockets of {netns.name}"] == "the kernel did not answer in time"
    assert gaps[f"traffic control of {netns.name}"] == "more than 0 interfaces"
    assert all(CAUSES.issuperset(gap.would_tell) for gap in found.gaps if gap.what in gaps)
    assert "round-trip times" in " ".join(causes(found, "one-sided", "orphaned")["slow-path"].missing)

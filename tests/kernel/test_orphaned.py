"""Orphaned entries on the real kernel: what died unseen is told from what is merely silent."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING

from halftrack import live
from halftrack.diagnosis import diagnose

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, TableSummary
    from kernel.scratch import Netns

_TRACKED = """
table inet tracked {
  chain input { type filter hook input priority 0; ct state established accept; }
}
"""
_UNTRACKED = """
table inet untracked {
  chain prerouting { type filter hook prerouting priority -300; notrack; }
  chain output { type filter hook output priority -300; notrack; }
}
"""
_KNOWN_ALONE = """
table inet filter {
  chain input { type filter hook input priority 0; policy drop;
    ct state established accept
    tcp dport 8883 tcp flags syn / syn,ack accept
  }
}
"""
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of no time: closing sends RST and forgets the socket at once."""


def _connected(number: int, server: str, family: socket.AddressFamily) -> list[tuple[socket.socket, ...]]:
    """Connections over loopback that have spoken both ways, as ``(server's end, client's end)``."""
    with socket.create_server((server, 8883), family=family, backlog=number) as listener:
        pairs = []
        for _ in range(number):
            client = socket.create_connection((server, 8883))
            ours, _ = listener.accept()
            client.sendall(b"x")
            ours.recv(1)
            ours.sendall(b"y")
            client.recv(1)
            pairs.append((ours, client))
        return pairs


def _found(netns: Netns) -> dict[str, int]:
    diagnosis = diagnose(live.examine(netns.name, counters_interval_s=0.0))
    return {each.symptom: each.entries for each in diagnosis.findings if each.groups}


def test_connections_that_died_unseen_are_orphaned_and_living_ones_are_not(netns: Netns) -> None:
    netns.run("nft", "-f", "-", stdin=_TRACKED)
    with contextlib.ExitStack() as stack:
        pairs = [
            *netns.call(lambda: _connected(6, "127.0.0.1", socket.AF_INET)),
            *netns.call(lambda: _connected(6, "::1", socket.AF_INET6)),
        ]
        for pair in pairs:
            for end in pair:
                stack.enter_context(end)
        # With 100,000 s more than they were given, all have been silent for that long.
        netns.sysctl("nf_conntrack_tcp_timeout_established", 532_000)
        assert _found(netns) == {"idle-established": 12}

        netns.run("nft", "-f", "-", stdin=_UNTRACKED)
        for ours, client in pairs[3:9]:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            ours.close()
            client.close()
        assert _found(netns) == {"idle-established": 6, "orphaned": 6}


def _settled(netns: Netns) -> Diagnosis:
    """What is found once nobody has spoken for longer than an examination takes."""
    give_up = time.monotonic() + 60
    while True:
        found = diagnose(live.examine(netns.name, counters_interval_s=0.0, in_depth=True))
        both = _table(found, netns).sockets
        if (both is not None and not both.untold) or time.monotonic() > give_up:
            return found
        time.sleep(0.5)


def _table(found: Diagnosis, netns: Netns) -> TableSummary:
    return next(table for table in found.tables if table.netns.startswith(netns.name))


def _hears(end: socket.socket, other: socket.socket) -> bool:
    end.settimeout(0.5)
    other.sendall(b"z")
    with contextlib.suppress(TimeoutError):
        return end.recv(1) == b"z"
    return False


def test_sockets_whose_entries_are_gone_are_counted_and_the_rules_do_what_was_foretold(netns: Netns) -> None:
    """Listeners, and what is in TIME_WAIT, are no connections; dual-stack sockets are of IPv4."""
    netns.run("nft", "-f", "-", stdin=_KNOWN_ALONE)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(
            netns.call(
                lambda: socket.create_server(("::", 8883), family=socket.AF_INET6, dualstack_ipv6=True)
            )
        )
        pairs = []
        for host in ["127.0.0.1"] * 4 + ["::1"] * 3:
            client = stack.enter_context(netns.call(lambda host=host: socket.create_connection((host, 8883))))
            pairs.append((stack.enter_context(listener.accept()[0]), client))
        ours, client = pairs.pop()
        client.close()
        ours.close()
        for ours, client in pairs:
            assert _hears(ours, client)
            assert _hears(client, ours)
        netns.run("conntrack", "-F")
        found = _settled(netns)
        both = _table(found, netns).sockets

        assert both is not None
        assert (both.connected, both.with_entry, both.without_entry) == (12, 0, 12)
        assert {(each.service, each.side, each.sockets, each.outcome) for each in both.groups} == {
            ("tcp/8883", "client", 6, "dropped"),
            ("tcp/8883", "server", 6, "dropped"),
        }
        assert {each.by for each in both.groups} == {"inet filter input: policy drop"}
        assert [each.entries for each in found.findings if each.symptom == "forgotten"] == [12]
        assert not _hears(*pairs[0])


def test_sockets_that_the_rules_take_in_again_are_no_finding(netns: Netns) -> None:
    netns.run("nft", "-f", "-", stdin=_TRACKED)
    with contextlib.ExitStack() as stack:
        pairs = netns.call(lambda: _connected(3, "127.0.0.1", socket.AF_INET))
        for pair in pairs:
            for end in pair:
                stack.enter_context(end)
        netns.run("conntrack", "-F")
        found = _settled(netns)
        both = _table(found, netns).sockets

        assert both is not None
        assert both.without_entry == 6
        assert {each.outcome for each in both.groups} == {"picked-up-again"}
        assert [each for each in found.findings if each.symptom == "forgotten"] == []
        assert _hears(*pairs[0])


def test_a_busy_healthy_service_behind_such_rules_has_neither(netns: Netns) -> None:
    """Connections come and go all the while: some have no entry yet, or no socket any more."""
    netns.run("nft", "-f", "-", stdin=_KNOWN_ALONE)
    listener = netns.call(lambda: socket.create_server(("127.0.0.1", 8883), backlog=128))
    stop = threading.Event()
    served = 0

    def come_and_go() -> None:
        nonlocal served
        while not stop.is_set():
            client = netns.call(lambda: socket.create_connection(("127.0.0.1", 8883)))
            ours, _ = listener.accept()
            with client, ours:
                client.sendall(b"x")
                ours.recv(1)
            served += 1

    thread = threading.Thread(target=come_and_go, daemon=True)
    with listener:
        thread.start()
        try:
            for _ in range(3):
                found = diagnose(live.examine(netns.name, counters_interval_s=0.0, in_depth=True))
                assert {each.symptom for each in found.findings} <= {"settings"}
        finally:
            stop.set()
            thread.join()
    assert served > 10

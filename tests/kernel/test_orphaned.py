"""Orphaned entries on the real kernel: what died unseen is told from what is merely silent."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

from halftrack import live
from halftrack.diagnosis import diagnose

if TYPE_CHECKING:
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

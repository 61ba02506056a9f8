"""Silent connections that live beside dead ones: whatever the rules are, only the dead are drained."""

from __future__ import annotations

import contextlib
import socket
import struct
from typing import TYPE_CHECKING

import pytest

from kernel.draining import drain
from kernel.routed import NEAR, SERVER, Network, routed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

_LIVE = 50
_DEAD = 500
_RESET = struct.pack("ii", 1, 0)
_SEVER = """
table ip severed { chain c { type filter hook output priority 0; tcp flags & (rst | fin) != 0 drop; }; }
"""
_FORWARD = "table ip t {{ chain c {{ type filter hook forward priority 0; {rules} }}; }}"
_RULES = {
    "accept all": _FORWARD.format(rules="ct state new accept; accept;"),
    "new needs SYN": _FORWARD.format(
        rules="policy drop; ct state established,related accept;"
        " tcp flags & (fin | syn | rst | ack) == syn ct state new accept;"
    ),
    "strict pick-up": _FORWARD.format(rules="ct state invalid drop; accept;"),
    "translated": _FORWARD.format(rules="ct state new accept; accept;")
    + f"\ntable ip n {{ chain p {{ type nat hook prerouting priority -100; tcp dport 8080 dnat to {SERVER}:80; }}; }}",
}


@pytest.fixture
def network() -> Iterator[Network]:
    with routed() as made:
        yield made


def _connected(
    network: Network, to: tuple[str, int], number: int
) -> list[tuple[socket.socket, socket.socket]]:
    """Connections that have spoken both ways, as ``(client's end, server's end)``."""
    listener = network.server.call(lambda: socket.create_server((SERVER, 80), backlog=number))
    pairs = []
    with listener:
        for _ in range(number):
            client = network.client.call(lambda: socket.create_connection(to, timeout=10))
            server, _ = listener.accept()
            pairs.append((client, server))
            for sender, receiver in ((client, server), (server, client)):
                _speaks(sender, receiver)
    return pairs


def _speaks(sender: socket.socket, receiver: socket.socket) -> None:
    receiver.settimeout(5)
    sender.sendall(b"x")
    assert receiver.recv(1) == b"x"


def _die(network: Network, pairs: list[tuple[socket.socket, socket.socket]]) -> None:
    """Both ends forget their connections, and the router hears nothing of it."""
    for end in (network.client, network.server):
        end.run("nft", "-f", "-", stdin=_SEVER)
    for pair in pairs:
        for each in pair:
            each.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            each.close()
    for end in (network.client, network.server):
        end.run("nft", "delete", "table", "ip", "severed")


def _left(router: Netns) -> list[int]:
    lines = router.run("conntrack", "-L", "-p", "tcp", "--state", "ESTABLISHED").splitlines()
    return sorted(int(line.split()[2]) for line in lines)


@pytest.mark.parametrize("rules", _RULES)
def test_silent_connections_outlive_a_drain_and_dead_ones_do_not(
    network: Network, tmp_path: Path, rules: str
) -> None:
    router = network.router
    router.run("nft", "-f", "-", stdin=_RULES[rules])
    if rules == "strict pick-up":
        router.sysctl("nf_conntrack_tcp_loose", 0)
    to = (NEAR, 8080) if rules == "translated" else (SERVER, 80)
    with contextlib.ExitStack() as stack:
        pairs = _connected(network, to, _LIVE + _DEAD)
        for pair in pairs[:_LIVE]:
            for each in pair:
                stack.enter_context(each)
        _die(network, pairs[_LIVE:])
        # With 100,000 s more than they were given, all have been silent for that long.
        router.sysctl("nf_conntrack_tcp_timeout_established", 532_000)

        plain = drain(router, tmp_path, "orphaned", "--yes", "--expect", f"{_DEAD}", "--json")
        assert (plain.code, plain.outcome["retimed"]) == (0, _DEAD), plain.err
        left = _left(router)
        assert max(left[:_DEAD]) <= 60
        assert min(left[_DEAD:]) > 400_000
        wide = drain(router, tmp_path, "state=ESTABLISHED", "--yes", "--expect", f"{_LIVE}", "--json")
        assert (wide.code, wide.outcome["retimed"]) == (0, _LIVE), wide.err
        assert min(_left(router)[_DEAD:]) > 7_400

        # A minute later the dead are gone; this takes them now, and must tell them all the same.
        gone = drain(
            router, tmp_path, "state=ESTABLISHED", "--delete", "--yes", "--expect", f"{_DEAD}", "--json"
        )
        assert gone.code == 0, gone.err
        assert gone.outcome["went"] >= 495
        assert len(_left(router)) <= _LIVE + 5
        for client, server in pairs[:_LIVE]:
            _speaks(server, client)
            _speaks(client, server)

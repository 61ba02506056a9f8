"""Draining under churn: none but the dead are hit, by the kernel's events and the connections' word."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from halftrack.evidence import addresses, uapi
from kernel.draining import SERVER, drain_answering, stuck
from kernel.scratch import Netns, scratch_netns
from kernel.witness import Event, Witness

if TYPE_CHECKING:
    from collections.abc import Iterator

_CHURN = Path(__file__).with_name("churn.py")
_TRACKED = "table ip t { chain c { type filter hook input priority 0; ct state new accept; }; }"
_STUCK = 60_000
_ROUNDS = (
    ("sport=80", "dst=10.0.0.0/17"),
    ("sport=80", "dst=10.0.128.0/17", "--delete"),
    ("sport=81",),
    ("sport=82", "--delete"),
)
"""Of the first two entries are read again by name, of the others in a dump."""
_SERVER = addresses.parse(SERVER)[1] & 0xFFFFFFFF
_FIRST = 0x0A000001
_PORTS = (80, 81, 82)


@pytest.fixture
def network() -> Iterator[tuple[Netns, Netns]]:
    """A server's namespace, which tracks, and one that has every address of 10/8."""
    with scratch_netns("srv") as server, scratch_netns("cli") as clients:
        server.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "v1", "netns", clients.name)
        server.run("ip", "address", "add", f"{SERVER}/24", "dev", "v0")
        server.run("ip", "link", "set", "v0", "up")
        server.run("ip", "route", "add", "10.0.0.0/8", "via", "203.0.113.1")
        clients.run("ip", "address", "add", "203.0.113.1/24", "dev", "v1")
        clients.run("ip", "link", "set", "v1", "up")
        clients.run("ip", "route", "add", "local", "10.0.0.0/8", "dev", "lo")
        server.sysctl("nf_conntrack_events", 1)
        server.run("nft", "-f", "-", stdin=_TRACKED)
        yield server, clients


@contextlib.contextmanager
def _churning(server: Netns, clients: Netns) -> Iterator[dict[str, Any]]:
    """While the body runs, connections come and go; then what they said is in the dictionary."""
    enter = ["ip", "netns", "exec"]
    words = [sys.executable, str(_CHURN)]
    said: dict[str, Any] = {}
    with subprocess.Popen(
        [*enter, server.name, *words, "server", SERVER, "80", "443"], stdout=subprocess.PIPE
    ) as echo:
        assert echo.stdout is not None
        try:
            echo.stdout.readline()
            with subprocess.Popen(
                [*enter, clients.name, *words, "client", SERVER, str(_STUCK), "7"],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            ) as churn:  # fmt: skip
                assert churn.stdin is not None
                assert churn.stdout is not None
                assert churn.stdout.readline() == b"churning\n"
                yield said
                churn.stdin.write(b"\n")
                churn.stdin.flush()
                said |= json.loads(churn.stdout.readline())
                said["left"] = server.run("conntrack", "-L", "-p", "tcp").splitlines()
                churn.stdin.close()
        finally:
            echo.kill()


def _was_stuck(event: Event) -> bool:
    return (
        (event.src, event.dport) == (_SERVER, 40_000)
        and event.sport in _PORTS
        and (_FIRST <= event.dst < _FIRST + _STUCK)
    )


def test_only_the_dead_are_drained_while_connections_come_and_go(
    network: tuple[Netns, Netns], tmp_path: Path
) -> None:
    server, clients = network
    for port in _PORTS:
        stuck(server, _STUCK, port=port)
    drained = removed = retimed = 0
    with Witness(server.path) as witness, _churning(server, clients) as said:
        for words in _ROUNDS:
            ran = drain_answering(server, tmp_path, "one-sided", *words, "--json")
            assert ran.code == 0, ran.err
            drained += ran.outcome["retimed"] + ran.outcome["removed"]
            if "--delete" in words:
                removed += ran.outcome["removed"] + ran.outcome["healed"]
            else:
                retimed += ran.outcome["retimed"] + ran.outcome["healed"]
    assert drained >= 150_000
    caused = [event for event in witness.events() if event.caused]
    assert not witness.lost
    assert len([event for event in caused if event.destroyed]) == removed
    # What is removed is told its status first, for the kernel to compare, and again where that took long.
    assert len(caused) >= retimed + 2 * removed
    assert [event for event in caused if not _was_stuck(event)] == []
    assert [event for event in caused if event.destroyed and event.status & uapi.IPS_SEEN_REPLY] == []
    # One that was answered while it was given less time has it back by now.
    answered = [line.split() for line in said["left"] if "[UNREPLIED]" not in line]
    assert [words for words in answered if words[3] == "ESTABLISHED" and int(words[2]) < 7_400] == []
    assert said["failures"] == 0, said["failed"]
    assert said["count"] >= 1_000
    assert said["again"] >= 100
    assert said["held_again"] >= 5
    ends = {(line.split("src=")[1].split()[0], line.split("dst=")[1].split()[0]) for line in said["left"]}
    for address, _, _ in said["held"]:
        assert (address, SERVER) in ends or (SERVER, address) in ends

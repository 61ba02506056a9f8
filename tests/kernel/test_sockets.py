"""Sockets of a namespace, against ss(8)."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import polars as pl
import pytest

from halftrack.evidence import addresses
from halftrack.evidence.uapi import AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP
from halftrack.kernel import sock_diag, socket_text, sockets, survey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

FIN_WAIT_1 = 4
STATES = {"ESTAB": 1, "TIME-WAIT": 6, "UNCONN": 7, "CLOSE-WAIT": 8, "LISTEN": 10, "FIN-WAIT-2": 5}


@contextlib.contextmanager
def some_sockets(netns: Netns) -> Iterator[None]:
    """Both families, both protocols, listening, connected, half closed, closed, dual-stack."""
    with contextlib.ExitStack() as stack:

        def new(family: int, kind: int) -> socket.socket:
            return stack.enter_context(netns.call(lambda: socket.socket(family, kind)))

        dual = new(socket.AF_INET6, socket.SOCK_STREAM)
        dual.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        dual.bind(("::", 8080))
        dual.listen()
        plain = new(socket.AF_INET, socket.SOCK_STREAM)
        plain.bind(("127.0.0.1", 8081))
        plain.listen()
        for target in (("127.0.0.1", 8080), ("127.0.0.1", 8081), ("::1", 8080), ("127.0.0.1", 8081)):
            client = new(socket.AF_INET6 if ":" in target[0] else socket.AF_INET, socket.SOCK_STREAM)
            client.connect(target)
            accepted = stack.enter_context((dual if target[1] == 8080 else plain).accept()[0])
        client.shutdown(socket.SHUT_WR)
        waiting = new(socket.AF_INET, socket.SOCK_STREAM)
        waiting.connect(("127.0.0.1", 8081))
        other = plain.accept()[0]
        waiting.close()
        other.recv(1)
        other.close()
        bound = new(socket.AF_INET6, socket.SOCK_DGRAM)
        bound.bind(("::1", 5353))
        connected = new(socket.AF_INET, socket.SOCK_DGRAM)
        connected.connect(("127.0.0.1", 53))
        assert accepted.fileno() >= 0
        settle(netns)
        yield


def settle(netns: Netns) -> None:
    """Wait until the last FIN has been answered; what is read twice is then the same twice."""
    for _ in range(200):
        if FIN_WAIT_1 not in netns.call(lambda: sockets.read(survey.net_directory())).frame["state"]:
            return
        time.sleep(0.01)
    raise AssertionError("a FIN was not answered within two seconds")


def _end(text: str) -> tuple[tuple[int, int] | None, int]:
    address, _, port = text.rpartition(":")
    address = address.strip("[]").partition("%")[0]
    # ss writes the any address of a dual-stack socket as a star.
    return (addresses.parse("::" if address == "*" else address), 0 if port == "*" else int(port))


def as_ss_shows(netns: Netns) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for option, l4proto in (("-t", IPPROTO_TCP), ("-u", IPPROTO_UDP)):
        for line in netns.run("ss", "-Han", option).splitlines():
            state, _, _, local, remote, *_ = line.split()
            rows.append((l4proto, STATES[state], *_end(local), *_end(remote)))
    return sorted(rows)


def as_read(frame: pl.DataFrame) -> list[tuple[object, ...]]:
    rows = [
        (
            row["l4proto"],
            row["state"],
            (row["local_hi"], row["local_lo"]),
            row["local_port"],
            (row["remote_hi"], row["remote_lo"]),
            row["remote_port"],
        )
        for row in frame.iter_rows(named=True)
    ]
    return sorted(rows)


def test_the_same_as_ss(netns: Netns) -> None:
    with some_sockets(netns):
        shown = as_ss_shows(netns)
        frame = netns.call(lambda: sockets.read(survey.net_directory())).frame
    assert as_read(frame) == shown
    assert {state for _, state, *_ in as_read(frame)} >= {1, 5, 6, 7, 8, 10}
    assert frame.schema == socket_text.SCHEMA


def as_text() -> list[pl.DataFrame]:
    net = survey.net_directory()
    return [
        socket_text.read(net, family, l4proto)
        for l4proto in (IPPROTO_TCP, IPPROTO_UDP)
        for family in (AF_INET, AF_INET6)
    ]


def test_text_tells_the_same(netns: Netns) -> None:
    """/proc/net/tcp and its like, which are read where sock_diag is not loaded."""
    with some_sockets(netns):
        shown = netns.call(lambda: sockets.read(survey.net_directory())).frame
        read = pl.concat(netns.call(as_text))
    assert as_read(read) == as_read(shown)
    assert sorted(read["inode"]) == sorted(shown["inode"])


def test_no_sockets(netns: Netns) -> None:
    assert netns.call(lambda: sockets.read(survey.net_directory())).frame.height == 0


def test_out_of_time(netns: Netns) -> None:
    """A part of the sockets is never given: it would make live flows look dead."""
    with some_sockets(netns), pytest.raises(sock_diag.Unfinished):
        netns.call(lambda: sockets.read(survey.net_directory(), deadline=0.0))

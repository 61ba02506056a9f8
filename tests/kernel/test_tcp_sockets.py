"""How connections fare, read from the kernel's sockets, on a way that is really long."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

import polars as pl

from halftrack.evidence.uapi import TCP_ESTABLISHED, TCP_LISTEN
from halftrack.formats import ss
from halftrack.kernel import tcp_sockets
from kernel.delaying import long_way

if TYPE_CHECKING:
    import pytest

    from halftrack.evidence.tcp_sockets import TcpSockets
    from kernel.scratch import Netns

DELAY_S = 0.12


def read(netns: Netns) -> TcpSockets:
    found = netns.call(tcp_sockets.read)
    assert found is not None
    return found


def test_round_trips_of_a_long_way() -> None:
    """Both ends measure twice the delay; nothing that is on the way yet has been acknowledged."""
    with long_way(DELAY_S, "10.79.1.1", "10.79.1.2") as way, contextlib.ExitStack() as stack:
        listener = stack.enter_context(way.far.call(lambda: socket.create_server((way.far_address, 8080))))
        client = stack.enter_context(
            way.near.call(lambda: socket.create_connection((way.far_address, 8080), timeout=20))
        )
        served = stack.enter_context(listener.accept()[0])
        for _ in range(3):
            served.sendall(bytes(1000))
            client.recv(1000)
        time.sleep(3 * DELAY_S)  # what was said is acknowledged at both ends
        served.sendall(bytes(700))
        (row,) = read(way.far).frame.filter(pl.col("state") == TCP_ESTABLISHED).rows(named=True)

    assert row["rtt_us"] >= 2 * DELAY_S * 1e6
    assert row["min_rtt_us"] >= 2 * DELAY_S * 1e6
    assert (row["local_port"], row["wqueue"], row["unacked"]) == (8080, 700, 1)
    assert row["bytes_sent"] == 3700
    assert row["bytes_retrans"] is not None


def test_listeners_show_their_queue(netns: Netns) -> None:
    with contextlib.ExitStack() as stack:
        stack.enter_context(netns.call(lambda: socket.create_server(("127.0.0.1", 8080), backlog=7)))
        for _ in range(3):
            stack.enter_context(netns.call(lambda: socket.create_connection(("127.0.0.1", 8080))))
        found = read(netns)
    (listener,) = found.frame.filter(pl.col("state") == TCP_LISTEN).rows(named=True)
    assert (listener["rqueue"], listener["wqueue"]) == (3, 7)
    assert found.whole


def test_more_than_are_wanted(netns: Netns, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tcp_sockets, "MOST", 5)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(netns.call(lambda: socket.create_server(("127.0.0.1", 8080))))
        for _ in range(6):
            stack.enter_context(netns.call(lambda: socket.create_connection(("127.0.0.1", 8080))))
            stack.enter_context(listener.accept()[0])
        found = read(netns)
    assert (found.frame.height, found.whole) == (5, False)


def test_none(netns: Netns) -> None:
    assert read(netns).frame.height == 0


def test_ss_as_text_tells_the_same(netns: Netns) -> None:
    """What a bundle holds, beside what the kernel says itself."""
    with contextlib.ExitStack() as stack:
        dual = stack.enter_context(
            netns.call(
                lambda: socket.create_server(("::", 8081), family=socket.AF_INET6, dualstack_ipv6=True)
            )
        )
        for address in ("127.0.0.1", "::1", "127.0.0.1"):
            client = stack.enter_context(netns.call(lambda to=address: socket.create_connection((to, 8081))))
            served = stack.enter_context(dual.accept()[0])
            client.sendall(bytes(3_000))
            served.sendall(bytes(100))
            client.recv(100)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        time.sleep(0.2)  # all is acknowledged, and two looks see the same
        text = netns.run("ss", "-tinao")
        same = read(netns).frame

    key = ["local_port", "remote_port"]
    told, known = ss.parse(text).frame.sort(key), same.sort(key)
    exact = ["state", "local_hi", "local_lo", "remote_hi", "remote_lo", "rqueue", "wqueue", "timer", *key]
    assert told.select(exact).equals(known.select(exact))
    connected = pl.col("state") == TCP_ESTABLISHED
    measured = ["rto_us", "rtt_us", "rttvar_us", "min_rtt_us", "snd_wnd", "total_retrans", "unacked"]
    assert told.filter(connected).select(measured).equals(known.filter(connected).select(measured))

"""What a router's tracker holds after some talk is what a replay of the capture of all its interfaces leaves."""

from __future__ import annotations

import socket
import struct
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Final

import polars as pl
import pytest

from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink, tracking
from halftrack.replaying import ruling, table
from halftrack.replaying.passing import COPY
from halftrack.replaying.tracking import Replay
from kernel.capturing import capturing
from kernel.routed import SERVER, SERVER6, routed
from unit.captures import read

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.routed import Network
    from kernel.scratch import Netns

_OPEN, _CLOSED, _SILENT, _UDP = 8080, 8081, 8082, 8083
_DROP: Final = """\
table inet silent {{
  chain in {{ type filter hook input priority 0; tcp dport {port} drop; }}
}}
"""
_SAID: Final = uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED
_TUPLE: Final = [
    "l4proto",
    *(f"orig_{end}_{half}" for end in ("src", "dst") for half in ("hi", "lo")),
    "orig_sport",
    "orig_dport",
    "orig_type",
    "orig_code",
    "orig_icmp_id",
]
_SAME: Final = [
    "state",
    "status",
    "tcp_flags_orig",
    "tcp_flags_reply",
    "tcp_wscale_orig",
    "tcp_wscale_reply",
    "orig_packets",
    "reply_packets",
]


class Talk:
    """Connections of a client, each left in another state; sockets stay open as long as ``held`` does."""

    def __init__(self, network: Network, address: str, held: ExitStack) -> None:
        self._network = network
        self._address = address
        self._held = held
        self._family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = partial(socket.create_server, (address, _OPEN), family=self._family)
        self._listener = held.enter_context(network.server.call(server))

    def all(self) -> None:
        self._connected()
        self._half_closed()
        client, served = self._connected()
        client.close()
        served.close()
        self._reset()
        self._refused()
        self._unanswered()
        self._datagrams()
        self._echo()

    def _connected(self, client: Netns | None = None) -> tuple[socket.socket, socket.socket]:
        connect = partial(socket.create_connection, (self._address, _OPEN), timeout=5)
        asking = self._held.enter_context((client or self._network.client).call(connect))
        served = self._held.enter_context(self._listener.accept()[0])
        asking.sendall(b"?" * 3000)
        served.recv(3000, socket.MSG_WAITALL)
        served.sendall(b"!" * 50_000)
        asking.recv(50_000, socket.MSG_WAITALL)
        return asking, served

    def _half_closed(self) -> None:
        _, served = self._connected(self._network.router)
        served.shutdown(socket.SHUT_WR)

    def _reset(self) -> None:
        asking, _ = self._connected()
        asking.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        asking.close()

    def _refused(self) -> None:
        with pytest.raises(ConnectionRefusedError):
            self._network.client.call(partial(socket.create_connection, (self._address, _CLOSED), timeout=5))

    def _unanswered(self) -> None:
        """A SYN and its first retransmission."""
        with pytest.raises(TimeoutError):
            self._network.client.call(
                partial(socket.create_connection, (self._address, _SILENT), timeout=1.3)
            )

    def _datagrams(self) -> None:
        def open_udp() -> socket.socket:
            return socket.socket(self._family, socket.SOCK_DGRAM)

        server, one, other = (
            self._held.enter_context(netns.call(open_udp))
            for netns in (self._network.server, self._network.client, self._network.client)
        )
        server.bind((self._address, _UDP))
        server.settimeout(5)
        one.sendto(b"anybody?", (self._address, _UDP))
        server.recv(100)
        other.sendto(b"and you?" * 500, (self._address, _UDP))
        _, end = server.recvfrom(10_000)
        server.sendto(b"yes", end)

    def _echo(self) -> None:
        six = self._family == socket.AF_INET6
        protocol = socket.IPPROTO_ICMPV6 if six else socket.IPPROTO_ICMP
        request = struct.pack("!BBHHH", 128 if six else 8, 0, 0, 4711, 1)
        # Of ICMPv6 the kernel fills in the checksum.
        checksum = 0 if six else 0xFFFF - sum(struct.unpack("!4H", request)) % 0xFFFF
        echo = partial(socket.socket, self._family, socket.SOCK_RAW, protocol)
        with self._network.client.call(echo) as sock:
            sock.settimeout(5)
            sock.sendto(request[:2] + struct.pack("!H", checksum) + request[4:], (self._address, 0))
            sock.recv(100)

    def warm_up(self) -> None:
        """Have neighbours found, before anybody counts what waits for them."""
        self._connected()
        self._connected(self._network.router)


@pytest.fixture
def network() -> Iterator[Network]:
    with routed() as made:
        made.server.run("nft", "-f", "-", stdin=_DROP.format(port=_SILENT))
        yield made


def test_the_table_is_the_kernels(network: Network) -> None:
    router = network.router
    with ExitStack() as held:
        talks = [Talk(network, address, held) for address in (SERVER, SERVER6)]
        for talk in talks:
            talk.warm_up()
        router.call(tracking.begin)
        router.sysctl("nf_conntrack_acct", 1)
        with capturing(router) as taken:
            for talk in talks:
                talk.all()
            time.sleep(0.3)  # the last packets have passed
            entries = ctnetlink.dump(netns_path=router.path).flows.frame
            dumped_ns = time.time_ns()
        rows, _ = read(taken.pcapng())
    rules = ruling.rules(())
    replay = Replay(rules.kernel.profile, rules.settings)
    replay.feed(rows)
    replay.close(dumped_ns)
    assert replay.skipped[COPY] > len(rows) // 3
    replayed = table.table(replay).frame
    assert set(entries["state"].drop_nulls().to_list()) >= {
        uapi.TCP_CONNTRACK_SYN_SENT,
        uapi.TCP_CONNTRACK_ESTABLISHED,
        uapi.TCP_CONNTRACK_CLOSE_WAIT,
        uapi.TCP_CONNTRACK_TIME_WAIT,
        uapi.TCP_CONNTRACK_CLOSE,
    }
    both = entries.join(replayed, on=_TUPLE, how="full", suffix="_replayed", nulls_equal=True)
    both = both.with_columns(pl.col("^status.*$") & _SAID)
    for column in _SAME:
        differ = both.filter(pl.col(column).ne_missing(pl.col(f"{column}_replayed")))
        assert not len(differ), (column, differ.select(*_TUPLE, column, f"{column}_replayed").to_dicts())
    apart = (both["timeout"] - both["timeout_replayed"]).abs()
    assert apart.null_count() == 0
    assert int(apart.max() or 0) <= 1

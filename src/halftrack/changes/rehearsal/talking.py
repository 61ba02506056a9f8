"""Real connections through the scratch namespace, and a server's packet that belongs to none."""

from __future__ import annotations

import contextlib
import itertools
import secrets
import socket
import struct
import time
from typing import TYPE_CHECKING, Final, Self

import polars as pl

from halftrack.changes.drain.entries import Entries
from halftrack.evidence import addresses, uapi
from halftrack.evidence.flows import FlowTable, conform

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.changes.rehearsal.services import Service
    from halftrack.changes.rehearsal.site import Site

_WITHIN_S: Final = 2.0
_LOOKS: Final = 10
_BETWEEN_S: Final = 0.03
_FIRST_PORT: Final = 40_000
_ACK: Final = 0x10
_IPV6_CHECKSUM: Final = 7
"""include/uapi/linux/in6.h: where in what follows the address the kernel writes the checksum."""
_CHECKSUM_AT: Final = 16


class Conversations:
    """With the services of one site. Entered, it listens; left, all its sockets are closed."""

    def __init__(self, site: Site, sample: pl.DataFrame) -> None:
        self._site = site
        self._ports = _free_ports(sample)
        self._listeners: dict[tuple[str, int], socket.socket] = {}
        self._open = contextlib.ExitStack()
        self.tuples: list[dict[str, int]] = []
        """Original tuples of all entries that were made here."""

    def begin(self, service: Service) -> Conversation:
        """Open a connection and send a byte each way. Raises OSError where that does not go."""
        listener = self._listener(service)
        port = next(self._ports)
        family = listener.family

        def make() -> socket.socket:
            return socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)

        client = self._open.enter_context(self._site.place(service.client).call(make))
        _let_go_at_once(client)
        client.settimeout(_WITHIN_S)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        client.bind((service.client, port))
        client.connect(service.front)
        served, _ = listener.accept()
        self._open.enter_context(served)
        _let_go_at_once(served)
        served.settimeout(_WITHIN_S)
        made = Conversation(client, served, self._noted((service.client, port), service.front))
        made.exchange()
        return made

    def late(self, service: Service) -> dict[str, int] | None:
        """Send one ACK from the server to somebody who has no connection; the entry that it may make.

        None where it could not be sent.
        """
        if service.stranger is None:
            return None
        port = next(self._ports)
        try:
            self._site.place(service.back[0]).call(
                lambda: _send_ack(service.back, (str(service.stranger), port))
            )
        except OSError:
            return None
        return self._noted(service.back, (service.stranger, port))

    def left(self, entry: dict[str, int], *, wanted: bool = True) -> int | None:
        """Seconds that an entry has left; None where there is none. ``wanted``: one has to come.

        While data is under way the kernel gives an entry less; that is waited for.
        """
        frame = conform(pl.DataFrame([entry]))
        found: int | None = None
        with Entries(self._site.node.path) as entries:
            for look in range(_LOOKS):
                now = entries.again(frame)
                found = now["timeout"][0]
                flags = (now["tcp_flags_orig"][0] or 0) | (now["tcp_flags_reply"][0] or 0)
                under_way = bool(flags & uapi.IP_CT_TCP_FLAG_DATA_UNACKNOWLEDGED)
                if (found is not None and not under_way) or (not wanted and look > 2):
                    break
                time.sleep(_BETWEEN_S)
        return found

    def _listener(self, service: Service) -> socket.socket:
        if service.back not in self._listeners:
            family = socket.AF_INET6 if ":" in service.back[0] else socket.AF_INET
            made = self._site.place(service.back[0]).call(
                lambda: socket.create_server(service.back, family=family)
            )
            made.settimeout(_WITHIN_S)
            self._listeners[service.back] = self._open.enter_context(made)
        return self._listeners[service.back]

    def _noted(self, src: tuple[str, int], dst: tuple[str, int]) -> dict[str, int]:
        entry = {
            "family": uapi.AF_INET6 if ":" in src[0] else uapi.AF_INET,
            "l4proto": uapi.IPPROTO_TCP,
            "orig_sport": src[1],
            "orig_dport": dst[1],
            "zone": 0,
            "zone_dir": uapi.NF_CT_DEFAULT_ZONE_DIR,
        }
        for end, (address, _) in (("src", src), ("dst", dst)):
            entry[f"orig_{end}_hi"], entry[f"orig_{end}_lo"] = addresses.parse(address)
        self.tuples.append(entry)
        return entry

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


class Conversation:
    """``entry``: the original tuple of its entry."""

    def __init__(self, client: socket.socket, served: socket.socket, entry: dict[str, int]) -> None:
        self._client = client
        self._served = served
        self.entry = entry

    def exchange(self) -> None:
        """A byte each way. Raises OSError where one does not arrive."""
        for sender, receiver in ((self._client, self._served), (self._served, self._client)):
            sender.sendall(b".")
            if not receiver.recv(1):
                raise ConnectionResetError("the connection was closed")


def _let_go_at_once(sock: socket.socket) -> None:
    """However it is closed, and by a kill, too: nothing is left to be sent.

    The kernel would repeat the last words of a connection that was cut for minutes, and so long hold on
    to its namespace and all that is in it (``tcp_close``, ``sk_net_refcnt``).
    """
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _free_ports(sample: pl.DataFrame) -> Iterator[int]:
    """Ports that no entry of the sample has at any end."""
    used: set[int] = set()
    for name in ("orig_sport", "orig_dport", "reply_sport", "reply_dport"):
        used.update(sample[name].drop_nulls().unique().to_list())
    return (
        port
        for port in itertools.chain(range(_FIRST_PORT, 65_536), range(1_024, _FIRST_PORT))
        if port not in used
    )


def without(flows: FlowTable, entries: list[dict[str, int]]) -> FlowTable:
    """The table without these entries: those of the rehearsal itself."""
    if not entries:
        return flows
    keys = list(entries[0])
    mine = conform(pl.DataFrame(entries)).select(keys)
    return FlowTable(flows.frame.join(mine, on=keys, how="anti", nulls_equal=True, maintain_order="left"))


def _send_ack(src: tuple[str, int], dst: tuple[str, int]) -> None:
    """A bare ACK without a connection, as a server sends it whose client has gone. Raises OSError."""
    v6 = ":" in src[0]
    family = socket.AF_INET6 if v6 else socket.AF_INET
    numbers = secrets.randbits(32), secrets.randbits(32)
    head = struct.pack(">HHIIBBHHH", src[1], dst[1], *numbers, 5 << 4, _ACK, 0xFFFF, 0, 0)
    with socket.socket(family, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_TCP) as raw:
        if v6:
            raw.setsockopt(socket.IPPROTO_IPV6, _IPV6_CHECKSUM, _CHECKSUM_AT)
        else:
            ends = socket.inet_aton(src[0]) + socket.inet_aton(dst[0])
            pseudo = ends + struct.pack(">BBH", 0, socket.IPPROTO_TCP, len(head))
            head = (
                head[:_CHECKSUM_AT] + _checksum(pseudo + head).to_bytes(2, "big") + head[_CHECKSUM_AT + 2 :]
            )
        raw.bind((src[0], 0))
        raw.sendto(head, (dst[0], 0))


def _checksum(data: bytes) -> int:
    """RFC 1071, of an even number of bytes."""
    total: int = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF

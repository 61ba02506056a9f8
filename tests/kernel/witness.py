"""What happens to entries, as the kernel tells it: events of a namespace's table, and who caused them."""

from __future__ import annotations

import contextlib
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from halftrack.evidence import uapi
from halftrack.kernel import netlink
from halftrack.kernel.netlink_messages import NLMSG_HDRLEN, attributes, headers

if TYPE_CHECKING:
    from collections.abc import Iterator

_ADD_MEMBERSHIP: Final = 1
_SOL_NETLINK: Final = 270
_SO_RCVBUFFORCE: Final = 33
_UPDATE: Final = 2
_DESTROY: Final = 3
_CT_DELETE: Final = 2
_BUFFER: Final = 400 << 20


@dataclass(frozen=True, slots=True)
class Event:
    """``caused``: by a message of some program, not by packets or time. Addresses: IPv4 as numbers."""

    destroyed: bool
    caused: bool
    status: int
    src: int
    dst: int
    sport: int
    dport: int


class Witness:
    """Collects update and destroy events while it is entered; ``lost``: the kernel could not tell all."""

    def __init__(self, netns_path: str) -> None:
        self._socket = netlink.open_socket(netlink.NETLINK_NETFILTER, netns_path)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._socket.bind((0, 0))  # without a number of its own a socket is not told what time and packets do
        for group in (_UPDATE, _DESTROY):
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        self._raw: list[bytes] = []
        self._done = threading.Event()
        self.lost = False

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._socket.close()

    def _collect(self) -> None:
        while True:
            try:
                self._raw.append(self._socket.recv(1 << 16))
            except BlockingIOError:
                if self._done.is_set():
                    return
            except OSError:
                self.lost = True

    def events(self) -> Iterator[Event]:
        for datagram in self._raw:
            for header in headers(datagram):
                body = datagram[header.at + NLMSG_HDRLEN + 4 : header.at + header.length]
                caused = int.from_bytes(datagram[header.at + 12 : header.at + 16], "little") != 0
                with contextlib.suppress(KeyError):
                    yield _event(body, destroyed=header.kind & 0xFF == _CT_DELETE, caused=caused)


def _event(body: bytes, *, destroyed: bool, caused: bool) -> Event:
    """Raises KeyError for what is no TCP entry of IPv4."""
    found = attributes(body)
    ends = attributes(found[uapi.CTA_TUPLE_ORIG])
    ip, proto = attributes(ends[uapi.CTA_TUPLE_IP]), attributes(ends[uapi.CTA_TUPLE_PROTO])
    return Event(
        destroyed,
        caused,
        int.from_bytes(found[uapi.CTA_STATUS], "big"),
        int.from_bytes(ip[uapi.CTA_IP_V4_SRC], "big"),
        int.from_bytes(ip[uapi.CTA_IP_V4_DST], "big"),
        int.from_bytes(proto[uapi.CTA_PROTO_SRC_PORT], "big"),
        int.from_bytes(proto[uapi.CTA_PROTO_DST_PORT], "big"),
    )

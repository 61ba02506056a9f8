"""What passes a device of a scratch namespace, taken with packet sockets as capturing tools take it."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from unit.captures import block, interface, option, section

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kernel.scratch import Netns

_ETH_P_ALL: Final = 3
_SO_TIMESTAMPNS: Final = 35
_SO_RCVBUFFORCE: Final = 33
_ROOM: Final = 32 << 20
_LONGEST: Final = 1 << 18
_RAW_LINK, _COOKED_LINK = 1, 276


@dataclass(slots=True)
class Taken:
    """Frames with their times: ``raw`` with Ethernet's headers, ``cooked`` behind Linux's own instead."""

    raw: list[tuple[int, bytes]] = field(default_factory=list)
    cooked: list[tuple[int, bytes]] = field(default_factory=list)

    def pcap(self, snap: int = _LONGEST) -> bytes:
        """The raw frames as a classic capture with nanoseconds, cut after ``snap`` bytes."""
        parts = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap, _RAW_LINK)]
        for at_ns, frame in self.raw:
            kept = frame[:snap]
            parts += [struct.pack("<IIII", *divmod(at_ns, 10**9), len(kept), len(frame)), kept]
        return b"".join(parts)

    def pcapng(self) -> bytes:
        """The cooked frames as blocks with nanoseconds."""
        parts = [section(), interface(_COOKED_LINK, option(9, b"\x09"))]
        for at_ns, frame in self.cooked:
            lengths = len(frame), len(frame)
            head = struct.pack("<IIIII", 0, at_ns >> 32, at_ns & 0xFFFF_FFFF, *lengths)
            parts.append(block(6, head + frame))
        return b"".join(parts)


@contextlib.contextmanager
def capturing(netns: Netns, device: str | None = None) -> Iterator[Taken]:
    """Take what passes a device or, as ``tcpdump -i any`` does, all; ``Taken`` is filled at the end.

    What leaves by the loopback comes in there again, and is taken once.
    """
    taken = Taken()

    def listen(kind: socket.SocketKind) -> socket.socket:
        sock = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
        if device is not None:
            sock.bind((device, _ETH_P_ALL))
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        return sock

    with (
        netns.call(lambda: listen(socket.SOCK_RAW)) as raw,
        netns.call(lambda: listen(socket.SOCK_DGRAM)) as cooked,
    ):
        # The kernel begins to stamp packets a moment later; until then they have the time when they are read.
        time.sleep(0.1)
        yield taken
        numbers = {name: number for number, name in netns.call(socket.if_nameindex)}
        taken.raw.extend((at_ns, frame) for at_ns, frame, _ in _arrived(raw))
        for at_ns, frame, (name, protocol, kind, hardware, address) in _arrived(cooked):
            head = struct.pack(
                "!HHIHBB8s", protocol, 0, numbers[name], hardware, kind, len(address), address.ljust(8, b"\0")
            )
            taken.cooked.append((at_ns, head + frame))


def _arrived(sock: socket.socket) -> Iterator[tuple[int, bytes, tuple[str, int, int, int, bytes]]]:
    while True:
        try:
            frame, told, _, address = sock.recvmsg(_LONGEST, 256, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        if address[0] == "lo" and address[2] == socket.PACKET_OUTGOING:
            continue
        ((_, _, stamp),) = told
        seconds, ns = struct.unpack("=qq", stamp)
        yield seconds * 10**9 + ns, frame, address

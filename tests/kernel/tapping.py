"""Packets as a capture sees them: a packet socket in a namespace, and the file that comes of it."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import threading
from typing import TYPE_CHECKING, Final, NamedTuple, Self

if TYPE_CHECKING:
    from collections.abc import Callable

_ETH_P_ALL: Final = 0x0003
_SO_TIMESTAMPNS: Final = 35
_SO_RCVBUFFORCE: Final = 33
_BUFFER: Final = 64 << 20
_LONGEST: Final = 1 << 17
_ANCILLARY: Final = 128
_IDLE_S: Final = 0.05
_EN10MB: Final = 1
_LINUX_SLL2: Final = 276
_HEADER: Final = struct.Struct("!IHHiIII")
_RECORD: Final = struct.Struct("!IIII")
_SLL2: Final = struct.Struct("!HHIHBB8s")


class _Frame(NamedTuple):
    at_ns: int
    length: int
    data: bytes


class Tap:
    """From when it is entered until it is left. ``call``: runs something in the namespace.

    ``interface``: one of its interfaces, whose frames are kept as they are (Ethernet); None: all of them, each
    packet below a header that says which way it went, as ``tcpdump -i any`` writes it (LINUX_SLL2).
    ``snap``: bytes that are kept of each.
    """

    def __init__(
        self,
        call: Callable[[Callable[[], socket.socket]], socket.socket],
        interface: str | None,
        snap: int = _LONGEST,
    ) -> None:
        self._interface = interface
        self._snap = snap
        self._frames: list[_Frame] = []
        self._stop = threading.Event()
        self._socket = call(self._open)
        self._thread = threading.Thread(target=self._listen, name="capture", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def end(self) -> None:
        """Take what has come, and no more."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def quiet(self, begin: float, end: float) -> bool:
        """Whether no packet came between two moments of the clock, both of them past."""
        return not any(begin <= frame.at_ns / 1e9 <= end for frame in self._frames)

    def file(self, until: float | None = None) -> bytes:
        """A classic capture with nanoseconds, of what came until a moment."""
        link = _EN10MB if self._interface else _LINUX_SLL2
        parts = [_HEADER.pack(0xA1B23C4D, 2, 4, 0, 0, self._snap, link)]
        for at_ns, length, data in self._frames:
            if until is None or at_ns <= until * 1e9:
                parts += [_RECORD.pack(*divmod(at_ns, 10**9), len(data), length), data]
        return b"".join(parts)

    def _open(self) -> socket.socket:
        kind = socket.SOCK_RAW if self._interface else socket.SOCK_DGRAM
        opened = socket.socket(socket.AF_PACKET, kind, socket.htons(_ETH_P_ALL))
        opened.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        opened.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        if self._interface:
            opened.bind((self._interface, _ETH_P_ALL))
        return opened

    def _listen(self) -> None:
        while True:
            stop = self._stop.is_set()
            ready, _, _ = select.select([self._socket], [], [], 0 if stop else _IDLE_S)
            if ready:
                self._take()
            elif stop:
                return

    def _take(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data, ancillary, _, sender = self._socket.recvmsg(_LONGEST, _ANCILLARY, socket.MSG_DONTWAIT)
            told = next(body for _, kind, body in ancillary if kind == _SO_TIMESTAMPNS)
            seconds, nanoseconds = struct.unpack("=qq", told[:16])
            if self._interface is None:
                data = _cooked(sender) + data
            self._frames.append(_Frame(seconds * 10**9 + nanoseconds, len(data), data[: self._snap]))


def _cooked(sender: tuple[str, int, int, int, bytes]) -> bytes:
    name, protocol, kind, hardware, address = sender
    index = socket.if_nametoindex(name) if name in dict(map(reversed, socket.if_nameindex())) else 1
    return _SLL2.pack(protocol, 0, index, hardware, kind, len(address), address[:8].ljust(8, b"\0"))

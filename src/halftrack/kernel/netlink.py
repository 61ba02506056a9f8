"""Receiving a netlink dump at the speed at which the kernel fills it.

The kernel packs a dump into datagrams of at most 32 KiB and fills the next one while the last is
being received (net/netlink/af_netlink.c, netlink_dump). ``recvmmsg`` takes many of them in one
call; through ctypes it runs without the interpreter's lock, so a decoder can work beside it.
Nothing here needs numpy: a dump is under way before anything heavy is imported.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import mmap
import os
import queue
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.kernel import netlink_messages
from halftrack.kernel.netlink_messages import NLMSG_DONE, NLMSG_ERROR
from halftrack.kernel.setns import call_in

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

AF_NETLINK: Final = 16
NETLINK_NETFILTER: Final = 12
NETLINK_SOCK_DIAG: Final = 4
NETLINK_ROUTE: Final = 0

DATAGRAM: Final = 32 * 1024
"""The most that the kernel puts into one datagram of a dump."""
_PER_BLOCK: Final = 192
MOST_ROOM: Final = 12
"""Blocks that are received ahead at most: as much as comes while the decoder is still being loaded."""
_MSG_WAITFORONE: Final = 0x10000
_POLL_S: Final = 0.5
_MOST_DATAGRAMS: Final = 100_000
_RECEIVE_BUFFER: Final = 4 << 20

_libc = ctypes.CDLL(None, use_errno=True)


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("len", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("namelen", ctypes.c_uint),
        ("iov", ctypes.POINTER(_Iovec)),
        ("iovlen", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("controllen", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("hdr", _Msghdr), ("len", ctypes.c_uint))


class Block:
    """Room for many datagrams, used again and again. Datagram ``i`` starts at ``i * size``.

    One that is longer is cut. ``since_s``: monotonic; nothing in it was written by the kernel before.
    """

    def __init__(self, count: int = _PER_BLOCK, size: int = DATAGRAM) -> None:
        self.since_s = 0.0
        # Mapped, so that what is never received takes no memory, and what was is given back with the block.
        self.memory = (ctypes.c_char * (count * size)).from_buffer(mmap.mmap(-1, count * size))
        self.lengths: list[int] = []
        self._count, self._size = count, size
        base = ctypes.addressof(self.memory)
        self._iovecs = (_Iovec * count)()
        self._headers = (_Mmsghdr * count)()
        for i in range(count):
            self._iovecs[i] = _Iovec(base + i * size, size)
            self._headers[i].hdr.iov = ctypes.pointer(self._iovecs[i])
            self._headers[i].hdr.iovlen = 1

    def fill(self, fd: int) -> None:
        """Receive at least one datagram. Raises OSError."""
        count = _libc.recvmmsg(fd, self._headers, self._count, _MSG_WAITFORONE, None)
        if count < 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        self.lengths = [self._headers[i].len for i in range(count)]

    def last(self) -> memoryview:
        start = (len(self.lengths) - 1) * self._size
        return memoryview(self.memory).cast("B")[start : start + self.lengths[-1]]


@dataclass(slots=True)
class _End:
    """Why no more blocks come: None, the error of the socket, or the deadline."""

    error: OSError | None = None
    late: bool = False


def open_socket(protocol: int, netns_path: str | None) -> socket.socket:
    """A netlink socket of the namespace behind ``netns_path``; it stays there for good. Raises OSError."""

    def make() -> socket.socket:
        return socket.socket(AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)

    sock = call_in(netns_path, make)
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
    sock.settimeout(None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 0, int(_POLL_S * 1e6)))
    return sock


def receive(sock: socket.socket, deadline: float) -> bytes:
    """The next datagram. ``deadline`` is a monotonic moment. Raises OSError; TimeoutError when it is over."""
    while time.monotonic() <= deadline:
        try:
            return sock.recv(2 * DATAGRAM)
        except BlockingIOError:
            # The socket gives up after a part of a second, so that we can, too.
            continue
    raise TimeoutError(errno.ETIMEDOUT, "the kernel did not answer in time")


def answer(sock: socket.socket, number: int, deadline: float) -> bytes:
    """What answers one request: an object's payload, empty for an acknowledgement.

    Raises OSError with what the kernel said, TimeoutError after the deadline.
    """
    while True:
        for kind, body in netlink_messages.messages(receive(sock, deadline), number):
            if kind != NLMSG_ERROR:
                return body
            code = netlink_messages.error_code(body)
            if code:
                raise OSError(code, os.strerror(code))
            return b""


def replies(sock: socket.socket, kind: int, payload: bytes, deadline: float) -> Iterator[tuple[int, bytes]]:
    """``(type, payload)`` of all that answers a request for a small dump.

    Raises OSError with what the kernel or the socket said, TimeoutError after the deadline.
    """
    number = netlink_messages.sequence()
    sock.send(netlink_messages.dump_request(kind, number, payload))
    for _ in range(_MOST_DATAGRAMS):
        for answer, body in netlink_messages.messages(receive(sock, deadline), number):
            if answer in (NLMSG_DONE, NLMSG_ERROR):
                code = netlink_messages.error_code(body)
                if code:
                    raise OSError(code, os.strerror(code))
                return
            yield answer, body
    raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))


class Dump:
    """A dump being received, each of its parts from a socket and in a thread of its own.

    ``parts``: sockets and what is asked of each; all requests bear ``sequence``. ``blocks`` yields
    each filled block; it is used again once the next one is asked for. Memory is bounded: the
    receivers wait when nobody decodes. ``room``: blocks that there are of it; with fewer of them less
    is received ahead.
    """

    def __init__(
        self,
        parts: Sequence[tuple[socket.socket, bytes]],
        sequence: int,
        deadline: float | None,
        room: int = MOST_ROOM,
    ) -> None:
        self._sequence = sequence
        self._deadline = deadline
        # The last one given back is filled next: what is never needed is never made.
        self._free: queue.LifoQueue[Block | type[Block] | None] = queue.LifoQueue()
        self._full: queue.SimpleQueue[Block | _End] = queue.SimpleQueue()
        self._stopped = False
        self.late = False
        for _ in range(room):
            self._free.put(Block)
        self._socks = [sock for sock, _ in parts]
        self._asked_s = time.monotonic()
        for sock, request in parts:
            sock.sendto(request, (0, 0))
        self._threads = [
            threading.Thread(target=self._receive, args=(sock,), name="netlink dump", daemon=True)
            for sock in self._socks
        ]
        for thread in self._threads:
            thread.start()

    def blocks(self) -> Iterator[Block]:
        """Filled blocks until all parts have ended. Raises OSError with what a socket said."""
        try:
            open_parts = len(self._socks)
            while open_parts:
                got = self._full.get()
                if isinstance(got, _End):
                    open_parts -= 1
                    self.late |= got.late
                    if got.error:
                        raise got.error
                else:
                    yield got
                    self._free.put(got)
        finally:
            self.close()

    def close(self) -> None:
        """Stop receiving and give the sockets back."""
        self._stopped = True
        for _ in self._threads:
            self._free.put(None)
        for thread in self._threads:
            thread.join()
        for sock in self._socks:
            sock.close()

    def _receive(self, sock: socket.socket) -> None:
        end = _End()
        since_s = self._asked_s
        try:
            while not self._stopped:
                free = self._free.get()
                if free is None:
                    break
                block = free if isinstance(free, Block) else free()
                if not self._fill(block, sock):
                    end.late = True
                    break
                # The kernel writes one datagram ahead: the next block's first is there by now.
                block.since_s, since_s = since_s, time.monotonic()
                self._full.put(block)
                if self._ended(block.last()):
                    break
        except OSError as error:
            end.error = error
        finally:
            self._full.put(end)

    def _fill(self, block: Block, sock: socket.socket) -> bool:
        while not self._stopped:
            if self._deadline is not None and time.monotonic() > self._deadline:
                return False
            try:
                block.fill(sock.fileno())
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EINTR):
                    raise
            else:
                return True
        return False

    def _ended(self, datagram: memoryview) -> bool:
        short = len(datagram) < netlink_messages.SHORTEST_END
        return short or netlink_messages.ended(datagram, self._sequence) is not None

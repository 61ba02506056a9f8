"""Asking sock_diag for the sockets of a namespace, and where in the answer each message starts.

Asking for a protocol whose module is not loaded makes the kernel load it: see ``answers``.
"""

from __future__ import annotations

import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.kernel import files, netlink, netlink_messages

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    import numpy.typing as npt

SOCK_DIAG_BY_FAMILY: Final = 20
MESSAGE_BYTES: Final = 88
"""struct nlmsghdr and struct inet_diag_msg (include/uapi/linux/inet_diag.h); attributes follow."""
_ALL_STATES: Final = 0xFFFFFFFF

_REQUEST: Final = struct.Struct("=BBBBI48s")
_CHUNK: Final = 4 << 20
_ANSWER_S: Final = 5.0


class Unfinished(Exception):
    """Not all sockets could be read; the message says why."""


def answers(name: str) -> bool:
    """Whether sock_diag can answer for ``tcp`` or ``udp`` without the kernel loading a module first."""
    modules = Path("/proc/modules")
    if not modules.exists() or Path(f"/sys/module/{name}_diag").exists():
        return True
    built_in = files.text(f"/lib/modules/{os.uname().release}/modules.builtin")
    return built_in is not None and f"/{name}_diag.ko" in built_in


def dump(
    family: int, l4proto: int, deadline: float | None, *, states: int = _ALL_STATES, extensions: int = 0
) -> Iterator[tuple[bytes, int]]:
    """Whole datagrams, some MiB at a time, and the number that all of their messages bear.

    ``states``: a bit for each TCP_* state that is wanted; ``extensions``: one for each INET_DIAG_*
    attribute, less one. Raises Unfinished, OSError.
    """
    sequence = netlink_messages.sequence()
    request = _REQUEST.pack(family, l4proto, extensions, 0, states, bytes(48))
    with netlink.open_socket(netlink.NETLINK_SOCK_DIAG, None) as sock:
        sock.send(netlink_messages.dump_request(SOCK_DIAG_BY_FAMILY, sequence, request))
        chunk, ended = bytearray(), False
        while not ended:
            datagram = _receive(sock, deadline)
            ended = _ended(datagram, sequence)
            chunk += datagram
            if len(chunk) >= _CHUNK or ended:
                yield bytes(chunk), sequence
                chunk.clear()


def _receive(sock: socket.socket, deadline: float | None) -> bytes:
    """The next datagram. Raises Unfinished where none comes in time."""
    give_up = time.monotonic() + _ANSWER_S
    try:
        return netlink.receive(sock, give_up if deadline is None else min(deadline, give_up))
    except TimeoutError as error:
        raise Unfinished(error.strerror) from None


def _ended(datagram: bytes, sequence: int) -> bool:
    """Whether this was the last datagram. Raises OSError with what the kernel said."""
    if len(datagram) < netlink_messages.SHORTEST_END:
        raise Unfinished("the kernel sent an empty answer")
    code = netlink_messages.ended(datagram, sequence)
    if code:
        raise OSError(code, os.strerror(code))
    return code is not None


def messages(raw: bytes, sequence: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Where the socket messages start and how long they are, attributes and all.

    Words that look like a header, if together they form one chain; else a walk from one to the next.
    """
    words = np.frombuffer(raw, dtype=np.uint32, count=len(raw) // 4)
    heads = np.flatnonzero(words[2:] == sequence)
    lengths = words[heads].astype(np.int64)
    starts = heads.astype(np.int64) * 4
    chained = len(starts) and starts[0] == 0 and bool((lengths >= 16).all())
    if not chained or not np.array_equal(starts[:-1] + (lengths[:-1] + 3 & ~3), starts[1:]):
        starts, lengths = _walk(raw, sequence)
    types = np.frombuffer(raw, dtype=np.uint8)
    kinds = types[starts + 4].astype(np.int64) | types[starts + 5].astype(np.int64) << 8
    whole = (lengths >= MESSAGE_BYTES) & (starts + lengths <= len(raw)) & (kinds == SOCK_DIAG_BY_FAMILY)
    return starts[whole], lengths[whole]


def _walk(raw: bytes, sequence: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    ours = [header for header in netlink_messages.headers(raw) if header.sequence == sequence]
    starts = np.array([header.at for header in ours], dtype=np.int64)
    return starts, np.array([header.length for header in ours], dtype=np.int64)

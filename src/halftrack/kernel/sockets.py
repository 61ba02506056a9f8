"""TCP and UDP sockets of a namespace, through sock_diag; no privilege is needed for one's own.

Asking sock_diag for a protocol whose module is not loaded makes the kernel load it. We load
nothing: there, ``/proc/net/{tcp,udp}{,6}`` is read instead (see socket_text).
"""

from __future__ import annotations

import errno
import os
import struct
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.addresses import V4_MAPPED
from halftrack.evidence.uapi import AF_INET, AF_INET6, IPPROTO_TCP, IPPROTO_UDP
from halftrack.evidence.values import Sockets
from halftrack.kernel import files, netlink, netlink_messages, socket_text

if TYPE_CHECKING:
    import socket

    import numpy.typing as npt

SOCK_DIAG_BY_FAMILY: Final = 20
MOST: Final = 4_000_000
"""Sockets of one namespace; more are not read, for a part would make live flows look dead."""

_REQUEST: Final = struct.Struct("=BBBBI48s")
_ALL_STATES: Final = 0xFFFFFFFF
_CHUNK: Final = 4 << 20
_ANSWER_S: Final = 5.0
_PROTOCOLS: Final = ((IPPROTO_TCP, "tcp"), (IPPROTO_UDP, "udp"))

_MESSAGE_BYTES: Final = 88
"""struct nlmsghdr and struct inet_diag_msg (include/uapi/linux/inet_diag.h); attributes follow."""
_FIELDS: Final = (
    ("length", "=u4", 0),
    ("type", "=u2", 4),
    ("sequence", "=u4", 8),
    ("family", "u1", 16),
    ("state", "u1", 17),
    ("local_port", ">u2", 20),
    ("remote_port", ">u2", 22),
    ("local_v4", ">u4", 24),
    ("local_hi", ">u8", 24),
    ("local_lo", ">u8", 32),
    ("remote_v4", ">u4", 40),
    ("remote_hi", ">u8", 40),
    ("remote_lo", ">u8", 48),
    ("uid", "=u4", 80),
    ("inode", "=u4", 84),
)


class Unfinished(Exception):
    """Not all sockets could be read; the message says why."""


def read(net: Path = Path("/proc/self/net"), *, deadline: float | None = None) -> Sockets:
    """All sockets of the calling thread's namespace; ``net``: its ``/proc/PID/net``.

    ``deadline`` is a monotonic moment. Raises Unfinished, OSError.
    """
    frames = [pl.DataFrame(schema=dict(socket_text.SCHEMA))]
    for l4proto, name in _PROTOCOLS:
        if socket_text.none_in_use(net, name):
            continue
        for family in (AF_INET, AF_INET6):
            if _answers(name):
                try:
                    frames.append(_dump(family, l4proto, deadline))
                except OSError as error:
                    if error.errno not in (errno.ENOENT, errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT):
                        raise
                else:
                    continue
            frames.append(socket_text.read(net, family, l4proto))
    return Sockets(pl.concat(frames))


def _answers(name: str) -> bool:
    """Whether sock_diag can answer for a protocol without the kernel loading a module first."""
    modules = Path("/proc/modules")
    if not modules.exists() or Path(f"/sys/module/{name}_diag").exists():
        return True
    built_in = files.text(f"/lib/modules/{os.uname().release}/modules.builtin")
    return built_in is not None and f"/{name}_diag.ko" in built_in


def _dump(family: int, l4proto: int, deadline: float | None) -> pl.DataFrame:
    sequence = netlink_messages.sequence()
    request = _REQUEST.pack(family, l4proto, 0, 0, _ALL_STATES, bytes(48))
    frames = [pl.DataFrame(schema=dict(socket_text.SCHEMA))]
    with netlink.open_socket(netlink.NETLINK_SOCK_DIAG, None) as sock:
        sock.send(netlink_messages.dump_request(SOCK_DIAG_BY_FAMILY, sequence, request))
        chunk, rows, ended = bytearray(), 0, False
        while not ended:
            datagram = _receive(sock, deadline)
            ended = _ended(datagram, sequence)
            chunk += datagram
            if len(chunk) >= _CHUNK or ended:
                frames.append(decode(bytes(chunk), sequence, l4proto))
                rows += frames[-1].height
                chunk.clear()
            if rows > MOST:
                raise Unfinished(f"more than {MOST:,} sockets")
    return pl.concat(frames)


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


def decode(raw: bytes, sequence: int, l4proto: int) -> pl.DataFrame:
    """Whole datagrams as socket rows; whatever is no socket message of this dump is left out."""
    starts = _starts(raw, sequence)
    layout = np.dtype(
        {
            "names": [name for name, _, _ in _FIELDS],
            "formats": [kind for _, kind, _ in _FIELDS],
            "offsets": [offset for _, _, offset in _FIELDS],
            "itemsize": _MESSAGE_BYTES,
        }
    )
    octets = np.frombuffer(raw, dtype=np.uint8)
    rows = octets[starts[:, None] + np.arange(_MESSAGE_BYTES)].view(layout).reshape(-1)
    rows = rows[np.isin(rows["family"], (AF_INET, AF_INET6))]
    v4 = rows["family"] == AF_INET
    columns: dict[str, npt.NDArray[np.generic]] = {
        "l4proto": np.full(len(rows), l4proto, dtype=np.uint8),
        "state": rows["state"],
        **_address(rows, "local", v4),
        **_address(rows, "remote", v4),
    }
    for name in ("local_port", "remote_port", "uid", "inode"):
        columns[name] = rows[name].astype(rows[name].dtype.newbyteorder("="))
    return pl.DataFrame(
        {name: pl.Series(columns[name]).cast(kind) for name, kind in socket_text.SCHEMA.items()}
    )


def _address(
    rows: npt.NDArray[np.void], side: str, v4: npt.NDArray[np.bool_]
) -> dict[str, npt.NDArray[np.generic]]:
    mapped = rows[f"{side}_v4"].astype(np.uint64) | np.uint64(V4_MAPPED)
    return {
        f"{side}_hi": np.where(v4, np.uint64(0), rows[f"{side}_hi"].astype(np.uint64)),
        f"{side}_lo": np.where(v4, mapped, rows[f"{side}_lo"].astype(np.uint64)),
    }


def _starts(raw: bytes, sequence: int) -> npt.NDArray[np.int64]:
    """Where socket messages start: words that look like a header, if together they form one chain."""
    words = np.frombuffer(raw, dtype=np.uint32, count=len(raw) // 4)
    heads = np.flatnonzero(words[2:] == sequence)
    lengths = words[heads].astype(np.int64)
    starts = heads.astype(np.int64) * 4
    chained = len(starts) and starts[0] == 0 and bool((lengths >= 16).all())
    if not chained or not np.array_equal(starts[:-1] + (lengths[:-1] + 3 & ~3), starts[1:]):
        starts, lengths = _walk(raw, sequence)
    types = np.frombuffer(raw, dtype=np.uint8)
    kinds = types[starts + 4].astype(np.int64) | types[starts + 5].astype(np.int64) << 8
    whole = (lengths >= _MESSAGE_BYTES) & (starts + _MESSAGE_BYTES <= len(raw))
    wanted: npt.NDArray[np.int64] = starts[whole & (kinds == SOCK_DIAG_BY_FAMILY)]
    return wanted


def _walk(raw: bytes, sequence: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    ours = [header for header in netlink_messages.headers(raw) if header.sequence == sequence]
    starts = np.array([header.at for header in ours], dtype=np.int64)
    return starts, np.array([header.length for header in ours], dtype=np.int64)

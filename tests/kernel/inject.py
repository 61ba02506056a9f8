"""Entries in bulk: ctnetlink messages built with numpy, hundreds of thousands a second.

An ``Entries`` is one shape with columns for what varies; ``inject`` sends as many messages as
the columns are long. Sent without asking for acknowledgements: what arrived is what the table
holds afterwards.
"""

from __future__ import annotations

import errno
import socket
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from halftrack.evidence import uapi
from halftrack.kernel import netlink
from halftrack.kernel.ctnetlink.entry_messages import Template
from halftrack.kernel.netlink_messages import NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NLMSG_HDRLEN

if TYPE_CHECKING:
    from collections.abc import Sequence

CT_NEW: Final = 1 << 8
_BATCH_BYTES: Final = 180_000

Numbers = int | npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class End:
    """One direction of a tuple. Addresses: 4 or 16 bytes each, or an array of uint32 for IPv4.

    ``first`` and ``second`` are source and destination port (or GRE key), or ICMP id and
    ``type << 8 | code``.
    """

    src: bytes | npt.NDArray[np.uint32]
    dst: bytes | npt.NDArray[np.uint32]
    first: Numbers | None = None
    second: Numbers | None = None
    zone: int | None = None


@dataclass(frozen=True, slots=True)
class Entries:
    """``count`` entries of one shape; arrays in it are ``count`` long."""

    orig: End
    reply: End
    l4proto: int = uapi.IPPROTO_TCP
    count: int = 1
    timeout: Numbers = 300
    status: int = uapi.IPS_CONFIRMED
    state: int | None = None
    tcp_flags: tuple[int, int] | None = None
    wscale: tuple[int, int] | None = None
    mark: Numbers | None = None
    zone: int | None = None
    labels: bytes | None = None
    helper: str | None = None
    family: int = uapi.AF_INET
    extra: Sequence[bytes] = field(default_factory=tuple)


class _Message(Template):
    """A template in which what varies may also be one number for all."""

    def put_numbers(self, kind: int, values: Numbers, dtype: str) -> None:
        if isinstance(values, np.ndarray):
            self.put_column(kind, values, dtype)
        else:
            self.put(kind, int(values).to_bytes(np.dtype(dtype).itemsize, "big"))

    def put_end(self, kind: int, value: bytes | npt.NDArray[np.uint32]) -> None:
        if isinstance(value, bytes):
            self.put(kind, value)
        else:
            self.put_address(kind, None, value)


def _put_end(message: _Message, kind: int, end: End, entries: Entries) -> None:
    nest = message.open(kind)
    ip = message.open(1)
    v6 = entries.family == uapi.AF_INET6
    message.put_end(3 if v6 else 1, end.src)
    message.put_end(4 if v6 else 2, end.dst)
    message.close(ip)
    proto = message.open(2)
    message.put_numbers(1, entries.l4proto, "u1")
    if entries.l4proto in uapi.ICMP_PROTOCOLS:
        base = 7 if entries.l4proto == uapi.IPPROTO_ICMPV6 else 4
        assert isinstance(end.second, int)
        message.put_numbers(base, 0 if end.first is None else end.first, ">u2")
        message.put_numbers(base + 1, end.second >> 8, "u1")
        message.put_numbers(base + 2, end.second & 0xFF, "u1")
    elif end.first is not None and end.second is not None:
        message.put_numbers(2, end.first, ">u2")
        message.put_numbers(3, end.second, ">u2")
    message.close(proto)
    if end.zone is not None:
        message.put_numbers(3, end.zone, ">u2")
    message.close(nest)


def build(entries: Entries, flags: int = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL) -> npt.NDArray[np.uint8]:
    """All messages, one a row."""
    message = _Message(entries.family)
    _put_end(message, 1, entries.orig, entries)
    _put_end(message, 2, entries.reply, entries)
    message.put_numbers(7, entries.timeout, ">u4")
    message.put_numbers(3, entries.status, ">u4")
    if entries.state is not None:
        _put_state(message, entries)
    if entries.mark is not None:
        message.put_numbers(8, entries.mark, ">u4")
    if entries.zone is not None:
        message.put_numbers(18, entries.zone, ">u2")
    if entries.labels is not None:
        message.put(22, entries.labels)
    if entries.helper is not None:
        nest = message.open(5)
        message.put(1, entries.helper.encode() + b"\0")
        message.close(nest)
    message.put_raw(b"".join(entries.extra))
    return message.filled(CT_NEW, flags, 0, entries.count)


def _put_state(message: _Message, entries: Entries) -> None:
    assert entries.state is not None
    info = message.open(4)
    kind = {uapi.IPPROTO_TCP: 1, uapi.IPPROTO_DCCP: 2, uapi.IPPROTO_SCTP: 3}[entries.l4proto]
    nest = message.open(kind)
    message.put_numbers(1, entries.state, "u1")
    if entries.wscale:
        message.put(2, bytes([entries.wscale[0]]))
        message.put(3, bytes([entries.wscale[1]]))
    if entries.tcp_flags:
        message.put(4, bytes([entries.tcp_flags[0], 0xFF]))
        message.put(5, bytes([entries.tcp_flags[1], 0xFF]))
    if kind == 3:
        message.put_numbers(2, 1, ">u4")
        message.put_numbers(3, 2, ">u4")
    message.close(nest)
    message.close(info)


def inject(netns_path: str, *groups: Entries, anew: bool = True) -> None:
    """Create the entries in the namespace. Raises OSError where the kernel refuses one of a batch.

    Not ``anew``: those that are there are given the time and status that is said.
    """
    flags = NLM_F_REQUEST | NLM_F_CREATE | (NLM_F_EXCL if anew else 0)
    sock = netlink.open_socket(netlink.NETLINK_NETFILTER, netns_path)
    with sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * _BATCH_BYTES)
        for entries in groups:
            rows = build(entries, flags)
            per = max(1, _BATCH_BYTES // rows.shape[1])
            for at in range(0, len(rows), per):
                sock.send(rows[at : at + per].tobytes())
                _refused(sock)


def _refused(sock: socket.socket) -> None:
    try:
        answer = sock.recv(1 << 16, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return
    code = -struct.unpack_from("=i", answer, NLMSG_HDRLEN)[0]
    raise OSError(code, errno.errorcode.get(code, "?"))

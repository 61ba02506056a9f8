"""Hearing from ctnetlink which entries begin and end, as it happens. Needs CAP_NET_ADMIN.

Each event is a datagram of its own. The kernel drops what is not fetched in time and says so with
ENOBUFS (net/netlink/af_netlink.c, netlink_overrun). Entries that were there before get an event at
their end only where ``nf_conntrack_events`` is 1; new ones begin with one unless it is 0.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import struct
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.kernel import files, netlink
from halftrack.kernel.ctnetlink.columns import Columns
from halftrack.kernel.ctnetlink.decode import Decoder
from halftrack.kernel.netlink_messages import CT_DELETE, CT_NEW, NLMSG_HDRLEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    import polars as pl

# include/uapi/linux/netlink.h, nfnetlink.h, asm-generic/socket.h
_SOL_NETLINK: Final = 270
_NETLINK_ADD_MEMBERSHIP: Final = 1
_NEW_GROUP: Final = 1
_DESTROY_GROUP: Final = 3
_SO_RCVBUFFORCE: Final = 33

ROOM: Final = 64 << 20
"""Of the receive buffer: a second or two of 50,000 events each."""
_SLOT: Final = 1024
_SLOTS: Final = 2048
_BATCH: Final = 16_384
_BATCH_S: Final = 0.5
_POLL_S: Final = 0.1


@dataclass(frozen=True, slots=True)
class Batch:
    """Events since the last one. ``new``: entries as they began, in the columns of the flow table.

    ``at_s``: monotonic, when the last of them was fetched.
    """

    at_s: float
    new: pl.DataFrame
    destroyed: int
    overruns: int
    unreadable: int


def setting() -> int | None:
    """``nf_conntrack_events`` of the calling thread's namespace: 0 off, 1 on, 2 for who listens.

    None: this kernel has no events.
    """
    return files.number("/proc/sys/net/netfilter/nf_conntrack_events")


def subscribe(netns_path: str | None) -> socket.socket:
    """A socket that hears of new and ended entries from now on. Raises OSError."""
    sock = netlink.open_socket(netlink.NETLINK_NETFILTER, netns_path)
    try:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, ROOM)
        pause = struct.pack("ll", 0, int(_POLL_S * 1e6))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, pause)
        # Without an address of its own the kernel takes a socket for the events' sender and leaves it out.
        sock.bind((0, 0))
        for group in (_NEW_GROUP, _DESTROY_GROUP):
            sock.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)
    except OSError:
        sock.close()
        raise
    return sock


def batches(sock: socket.socket, until_s: float, columns: frozenset[str] | None = None) -> Iterator[Batch]:
    """What comes until that monotonic moment, at least twice a second; memory does not grow with it.

    ``columns``: those of the flow table that are wanted. Raises OSError.
    """
    block = netlink.Block(_SLOTS, _SLOT)
    decoder = Decoder(0, Columns(columns))
    pending = destroyed = overruns = unreadable = 0
    last_s = time.monotonic()
    while True:
        now_s = time.monotonic()
        if pending >= _BATCH or now_s - last_s >= _BATCH_S or now_s >= until_s:
            yield Batch(now_s, decoder.frame(), destroyed, overruns, unreadable + decoder.unreadable)
            pending = destroyed = overruns = unreadable = decoder.unreadable = 0
            last_s = now_s
        if now_s >= until_s:
            return
        try:
            block.fill(sock.fileno())
        except OSError as error:
            if error.errno == errno.ENOBUFS:
                overruns += 1
            elif error.errno not in (errno.EAGAIN, errno.EINTR):
                raise
            continue
        ended, broken = _decode(block, decoder)
        destroyed, unreadable = destroyed + ended, unreadable + broken
        pending += len(block.lengths)


def _decode(block: netlink.Block, decoder: Decoder) -> tuple[int, int]:
    """New entries into the decoder; how many ended, and how many events make no sense."""
    words = np.frombuffer(memoryview(block.memory).cast("B"), dtype="<u4")
    lengths = np.asarray(block.lengths, dtype=np.intp)
    starts = np.arange(len(lengths)) * (_SLOT // 4)
    sizes = words[starts].astype(np.intp)
    whole = (sizes == lengths) & (sizes > NLMSG_HDRLEN) & (sizes % 4 == 0)
    kinds = words[starts + 1] & 0xFFFF
    new = whole & (kinds == CT_NEW)
    ended = whole & (kinds == CT_DELETE)
    if new.any():
        decoder.cut(words, starts[new], sizes[new])
    return int(ended.sum()), int((~whole).sum())

"""What the kernel knows about the TCP connections of a namespace: how they fare on their way."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import polars as pl

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDS: Final = {
    "state": pl.UInt8,
    "local_hi": pl.UInt64,
    "local_lo": pl.UInt64,
    "local_port": pl.UInt16,
    "remote_hi": pl.UInt64,
    "remote_lo": pl.UInt64,
    "remote_port": pl.UInt16,
    "timer": pl.UInt8,
    "retransmits": pl.UInt8,
    "rqueue": pl.UInt32,
    "wqueue": pl.UInt32,
}
INFO: Final[Mapping[str, tuple[str, int]]] = MappingProxyType(
    {
        "rto_us": ("u4", 8),
        "unacked": ("u4", 24),
        "lost": ("u4", 32),
        "last_data_sent_ms": ("u4", 44),
        "last_data_recv_ms": ("u4", 52),
        "last_ack_recv_ms": ("u4", 56),
        "rtt_us": ("u4", 68),
        "rttvar_us": ("u4", 72),
        "snd_cwnd": ("u4", 80),
        "total_retrans": ("u4", 100),
        "segs_out": ("u4", 136),
        "notsent_bytes": ("u4", 144),
        "min_rtt_us": ("u4", 148),
        "delivery_rate": ("u8", 160),
        "rwnd_limited_us": ("u8", 176),
        "bytes_sent": ("u8", 200),
        "bytes_retrans": ("u8", 208),
        "snd_wnd": ("u4", 228),
        "rcv_wnd": ("u4", 232),
    }
)
"""Column, type and offset in struct tcp_info (include/uapi/linux/tcp.h), which only grows at its end:
2.6.32 ends behind ``total_retrans``."""
_KINDS: Final = {"u4": pl.UInt32, "u8": pl.UInt64}
SCHEMA: Final[Mapping[str, type[pl.DataType]]] = MappingProxyType(
    {**_ENDS, **{name: _KINDS[kind] for name, (kind, _) in INFO.items()}}
)


@dataclass(frozen=True, slots=True)
class TcpSockets:
    """TCP sockets of one namespace that are connected, connecting, closing or listening.

    ``frame`` has the columns of ``SCHEMA``: ends as in ``values.Sockets``; ``rqueue``, ``wqueue``
    bytes received and not read, written and not acknowledged, of a listener connections that wait to
    be accepted and the most that may; ``timer`` what the socket waits for, as net/ipv4/inet_diag.c numbers
    it (1: an acknowledgement, 4: room at the other end); ``…_us`` microseconds, ``…_ms`` milliseconds,
    ``delivery_rate`` bytes a second. Null where the kernel does not tell: of a half-open one, or an
    old kernel. ``whole``: False where there are more sockets than were read.
    """

    frame: pl.DataFrame
    whole: bool = True

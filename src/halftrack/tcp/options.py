"""What the tracker reads of a TCP header's options: window scale, SACK permitted, SACK blocks.

Source: ``tcp_options`` and ``tcp_sack`` in ``net/netfilter/nf_conntrack_proto_tcp.c``. Options are the
bytes behind the header's first twenty; reading ends where they make no sense, as the kernel's does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import IP_CT_TCP_FLAG_SACK_PERM, IP_CT_TCP_FLAG_WINDOW_SCALE

if TYPE_CHECKING:
    from collections.abc import Iterator

TCPOPT_EOL: Final = 0
TCPOPT_NOP: Final = 1
TCPOPT_WINDOW: Final = 3
TCPOPT_SACK_PERM: Final = 4
TCPOPT_SACK: Final = 5

TCP_MAX_WSCALE: Final = 14
_TIMESTAMP_ONLY: Final = b"\x01\x01\x08\x0a"
_ALIGNED_TIMESTAMP: Final = 12
_SACK_BLOCK: Final = 8


def opening(options: bytes) -> tuple[int, int]:
    """Window scale and tracker flags (WINDOW_SCALE, SACK_PERM) that a SYN's options announce."""
    scale = flags = 0
    for kind, body in _walk(options):
        if kind == TCPOPT_SACK_PERM and not body:
            flags |= IP_CT_TCP_FLAG_SACK_PERM
        elif kind == TCPOPT_WINDOW and len(body) == 1:
            scale = min(body[0], TCP_MAX_WSCALE)
            flags |= IP_CT_TCP_FLAG_WINDOW_SCALE
    return scale, flags


def highest_sack(options: bytes, ack: int) -> int:
    """The right edge of the SACK block that is furthest on, or ``ack`` where none is further."""
    if len(options) == _ALIGNED_TIMESTAMP and options.startswith(_TIMESTAMP_ONLY):
        return ack
    for kind, body in _walk(options):
        if kind == TCPOPT_SACK and body and not len(body) % _SACK_BLOCK:
            for at in range(4, len(body), _SACK_BLOCK):
                edge = int.from_bytes(body[at : at + 4], "big")
                if (ack - edge) & 0x8000_0000:
                    ack = edge
            break
    return ack


def _walk(options: bytes) -> Iterator[tuple[int, bytes]]:
    at, end = 0, len(options)
    while at < end:
        kind = options[at]
        if kind == TCPOPT_EOL:
            return
        if kind == TCPOPT_NOP:
            at += 1
            continue
        if at + 2 > end:
            return
        length = options[at + 1]
        if length < 2 or at + length > end:
            return
        yield kind, options[at + 2 : at + length]
        at += length

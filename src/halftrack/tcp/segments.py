"""A TCP segment as the tracker reads it."""

from __future__ import annotations

from typing import Final

from halftrack.tcp.table import EVENTS, TH_FIN, TH_SYN

_COUNTED: Final = TH_SYN | TH_FIN
"""Flags that take a sequence number."""


class Segment:
    """One TCP header with the length of what follows it.

    ``flags``: the flags byte. ``seq``, ``ack``, ``window``: as in the header, unscaled. ``options``: the
    bytes behind its first twenty. ``event``: what it is to the table. ``end``: the sequence number behind
    it (``segment_seq_plus_len``).
    """

    __slots__ = ("ack", "end", "event", "flags", "options", "seq", "window")

    def __init__(
        self, flags: int, seq: int, ack: int, window: int, length: int = 0, *, options: bytes = b""
    ) -> None:
        self.flags = flags
        self.seq = seq
        self.ack = ack
        self.window = window
        self.options = options
        self.event = EVENTS[flags]
        if flags & _COUNTED:
            length += (flags & TH_FIN) + (1 if flags & TH_SYN else 0)
        self.end = (seq + length) & 0xFFFF_FFFF

"""What a full table does to packets, in kernel and model.

The limit counts for the whole machine, so the scratch namespace is filled up to it. The model has a small
one of its own: what is compared is what becomes of those who come, not who is given up for them.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.tcp.segments import Segment
from halftrack.tcp.table import TH_ACK, TH_SYN
from halftrack.tcp.tracker import DROPPED, ESTABLISHED, NEW, Tracker
from kernel.campaigns import PROFILE
from kernel.crafting import Made
from kernel.filling import fill
from kernel.wire import CLIENTS, SERVER, segment, tracked_wire

if TYPE_CHECKING:
    from kernel.wire import Wire

_LIMIT: Final = Path("/proc/sys/net/netfilter/nf_conntrack_max")
_MOST: Final = 300_000
"""More is not filled for a test."""
_SERVER_END: Final = (SERVER, 80)


class _Both:
    """Kernel and model, and what either says of a packet."""

    def __init__(self, wire: Wire, limit: int) -> None:
        self.wire = wire
        self.tracker = Tracker(PROFILE, limit=limit)

    def client(self, number: int, flags: int, seq: int, ack: int = 0) -> tuple[str, str]:
        made = Made(by_client=True, flags=flags, seq=seq, ack=ack, window=1000, length=0, options=b"")
        return self._send((CLIENTS + number, 2000), _SERVER_END, made)

    def server(self, number: int, flags: int, seq: int, ack: int) -> tuple[str, str]:
        made = Made(by_client=False, flags=flags, seq=seq, ack=ack, window=1000, length=0, options=b"")
        return self._send(_SERVER_END, (CLIENTS + number, 2000), made)

    def _send(self, source: tuple[int, int], target: tuple[int, int], made: Made) -> tuple[str, str]:
        verdict = self.wire.send(segment(source, target, made))
        ours = Segment(made.flags, made.seq, made.ack, made.window)
        return verdict, self.tracker.tcp(time.monotonic(), source, target, ours).verdict

    def open(self, number: int) -> None:
        self.client(number, TH_SYN, 100)
        self.server(number, TH_SYN | TH_ACK, 500, 101)
        self.client(number, TH_ACK, 101, 501)


def test_a_table_full_of_assured_entries_drops_whoever_is_new_and_nobody_else() -> None:
    limit = int(_LIMIT.read_text("ascii"))
    if not 0 < limit <= _MOST:
        pytest.skip(f"nf_conntrack_max is {limit}")
    with tracked_wire("full") as wire:
        both = _Both(wire, limit=10)
        for number in range(10):
            both.open(number)
        assert both.client(3, TH_ACK, 101, 501) == (ESTABLISHED, ESTABLISHED)
        assert both.tracker.connection((CLIENTS + 3, 2000), _SERVER_END) is not None
        fill(wire.netns, limit - 10)
        if int(_LIMIT.read_text("ascii")) != limit:
            pytest.skip("somebody else changes nf_conntrack_max")
        assert both.client(20, TH_SYN, 100) == (DROPPED, DROPPED)
        assert both.client(21, TH_ACK, 100, 1) == (DROPPED, DROPPED)
        assert both.client(3, TH_ACK, 101, 501) == (ESTABLISHED, ESTABLISHED)


def test_one_entry_less_than_the_limit_is_room_for_one() -> None:
    limit = int(_LIMIT.read_text("ascii"))
    if not 0 < limit <= _MOST:
        pytest.skip(f"nf_conntrack_max is {limit}")
    with tracked_wire("nearly") as wire:
        both = _Both(wire, limit=10)
        for number in range(9):
            both.open(number)
        fill(wire.netns, limit - 10)
        if int(_LIMIT.read_text("ascii")) != limit:
            pytest.skip("somebody else changes nf_conntrack_max")
        assert both.client(20, TH_SYN, 100) == (NEW, NEW)
        assert both.server(20, TH_SYN | TH_ACK, 500, 101) == (ESTABLISHED, ESTABLISHED)
        both.client(20, TH_ACK, 101, 501)
        assert both.client(21, TH_SYN, 100) == (DROPPED, DROPPED)

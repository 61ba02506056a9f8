"""Fragments put together again, as the kernel does before its tracker sees them.

Sources: ``net/ipv4/ip_fragment.c``, ``net/ipv4/inet_fragment.c``,
``net/ipv6/netfilter/nf_conntrack_reasm.c``. Kept of a datagram is what headers lie in, not what it carries.
Kernels before 4.20 cut overlapping fragments to fit; here, as since then, an overlap spoils the datagram.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from halftrack.evidence import packets
from halftrack.evidence.uapi import AF_INET

if TYPE_CHECKING:
    from collections.abc import Hashable

_WAIT_NS: Final = {True: 30_000_000_000, False: 60_000_000_000}
"""``ipfrag_time``, and ``nf_conntrack_frag6_timeout``, as they are unless set."""
_MOST_HELD: Final = 1 << 16
"""Fragments that wait for others."""
KEPT: Final = 256
"""Bytes of a datagram behind IP in which all headers lie that are read."""
_MOST_BYTES: Final = 0xFFFF


class Fragment(NamedTuple):
    """One fragment.

    ``key``: what all of its datagram share; ``family``: AF_*. ``offset``, ``length``: its bytes in the
    datagram behind IP; ``more``: others follow. ``head``: IP's headers, without the one that says that it is
    a fragment, and ``names``: where in them the transport is named (IPv6). ``body``: the first bytes, as
    captured. ``kind``: what that header names as the transport (IPv6).
    """

    key: Hashable
    family: int
    at_ns: int
    offset: int
    length: int
    more: bool
    head: bytes
    names: int
    kind: int
    body: bytes


@dataclass(slots=True)
class _Datagram:
    since_ns: int
    wait_ns: int
    spans: list[tuple[int, int]] = field(default_factory=list)
    bodies: list[tuple[int, bytes]] = field(default_factory=list)
    covered: int = 0
    total: int | None = None
    count: int = 0
    first: Fragment | None = None


@dataclass(frozen=True, slots=True)
class Whole:
    """A datagram that is whole: an IP packet as far as it was captured, and how long it would be."""

    packet: bytes
    size: int


class Reassembly:
    """Fragments of one capture. ``tally`` is told of those that come to nothing, or to one row of many."""

    def __init__(self, tally: packets.Tally) -> None:
        self._tally = tally
        self._waiting: OrderedDict[Hashable, _Datagram] = OrderedDict()
        self._held = 0
        self._now_ns = 0

    def add(self, fragment: Fragment) -> Whole | None:
        """The datagram that this fragment makes whole."""
        self._now_ns = max(self._now_ns, fragment.at_ns)
        self._expire()
        datagram = self._waiting.get(fragment.key)
        if datagram is None:
            datagram = _Datagram(fragment.at_ns, _WAIT_NS[fragment.family == AF_INET])
            self._waiting[fragment.key] = datagram
        datagram.count += 1
        self._held += 1
        if not _fits(datagram, fragment):
            self._drop(fragment.key)
            return None
        if datagram.total is None or datagram.covered < datagram.total or datagram.first is None:
            return None
        self._forget(fragment.key)
        self._tally.skip(packets.HELD, datagram.count - 1)
        whole = _put_together(datagram.first, datagram, datagram.total)
        if whole is None:
            self._tally.skip(packets.FRAGMENT, 1)
        return whole

    def finish(self) -> None:
        """Count what still waits."""
        while self._waiting:
            self._drop(next(iter(self._waiting)))

    def _expire(self) -> None:
        while self._waiting:
            key, oldest = next(iter(self._waiting.items()))
            if self._now_ns - oldest.since_ns <= oldest.wait_ns and self._held < _MOST_HELD:
                return
            self._drop(key)

    def _drop(self, key: Hashable) -> None:
        self._tally.skip(packets.FRAGMENT, self._forget(key))

    def _forget(self, key: Hashable) -> int:
        count = self._waiting.pop(key).count
        self._held -= count
        return count


def _fits(datagram: _Datagram, fragment: Fragment) -> bool:
    """Take over a fragment; False where it spoils its datagram. One that came before changes nothing."""
    start, length = fragment.offset, fragment.length
    if fragment.more:
        if length & 7 and fragment.family != AF_INET:
            return False
        length &= ~7
    end = start + length
    if end > _MOST_BYTES or not length or not _agrees(datagram, end, more=fragment.more):
        return False
    place = bisect_left(datagram.spans, (start, end))
    around = datagram.spans[max(place - 1, 0) : place + 1]
    if any(start < high and low < end for low, high in around):
        return any(low <= start and end <= high for low, high in around)
    datagram.spans.insert(place, (start, end))
    datagram.covered += length
    if start < KEPT:
        datagram.bodies.append((start, fragment.body[: min(length, KEPT - start)]))
    if not start:
        datagram.first = fragment
    return True


def _agrees(datagram: _Datagram, end: int, *, more: bool) -> bool:
    """Whether a fragment that ends there agrees with where the datagram does."""
    if more:
        return datagram.total is None or end <= datagram.total
    if datagram.total is None:
        datagram.total = end
    return datagram.total == end and (not datagram.spans or datagram.spans[-1][1] <= end)


def _put_together(first: Fragment, datagram: _Datagram, total: int) -> Whole | None:
    """One packet, with lengths as if it never had been more; None where no packet is that long."""
    body = b""
    for start, piece in sorted(datagram.bodies):
        if start != len(body):
            break
        body += piece
    head = bytearray(first.head)
    size = len(head) + total
    if first.family == AF_INET:
        if size > _MOST_BYTES:
            return None
        head[2:4] = size.to_bytes(2, "big")
        head[6:8] = b"\0\0"
    else:
        if size - 40 > _MOST_BYTES:
            return None
        head[4:6] = (size - 40).to_bytes(2, "big")
        head[first.names] = first.kind
    return Whole(bytes(head) + body, size)

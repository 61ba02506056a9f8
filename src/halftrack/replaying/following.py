"""One flow's packets, and what each of them did to its entry."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from halftrack.evidence import uapi
from halftrack.tcp.tracker import ESTABLISHED

if TYPE_CHECKING:
    import polars as pl

    from halftrack.replaying.ends import End
    from halftrack.replaying.flows import Flow
    from halftrack.tcp.tracker import Step, Tracker

MOST: Final = 10_000
"""Packets of a flow that are kept: its first ones and its last ones, half of each."""


class Packet(NamedTuple):
    """``number``: its place in the file. ``at_s``: seconds since the first. ``length``: bytes of payload.

    ``kind``, ``ident``: of ICMP, its type, and its identifier with its code.
    """

    number: int
    at_s: float
    source: End
    target: End
    protocol: int
    flags: int = 0
    seq: int = 0
    ack: int = 0
    window: int = 0
    length: int = 0
    options: bytes = b""
    kind: int | None = None
    ident: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Seen:
    """``step`` None: an ICMP error about the flow, which leaves its entry as it is.

    ``left_s``: what the entry had left when the packet came, None: there was none. ``deadline``: when it is
    gone if nothing more comes, None: it is gone. ``answered``, ``assured``: the entry after the packet.
    """

    packet: Packet
    step: Step | None
    left_s: float | None
    deadline: float | None
    answered: bool
    assured: bool


class Following:
    """``alone``: no other flow's packets have to pass, as no limit makes entries give way to others.

    ``left_out``: packets between the first and the last that were not kept. ``gave_way``: after ``close``,
    whether its last entry was given up for another one.
    """

    def __init__(self, flow: Flow, *, alone: bool) -> None:
        self.flow = flow
        self.alone = alone
        self.left_out = 0
        self._first: list[Seen] = []
        self._last: deque[Seen] = deque(maxlen=MOST // 2)
        self.gave_way = False
        self._deadline: float | None = None

    @property
    def seen(self) -> list[Seen]:
        return [*self._first, *self._last]

    def marks(self, frame: pl.DataFrame) -> list[bool]:
        """For each packet whether it is to be told of."""
        return self.flow.takes(frame).to_list()

    def chosen(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The flow's packets alone."""
        return frame.filter(self.flow.takes(frame))

    def heard(self, packet: Packet) -> None:
        """An ICMP error about the flow."""
        left = self._left_s(packet.at_s)
        self._keep(Seen(packet, None, left, self._deadline, answered=False, assured=False))

    def saw(self, packet: Packet, step: Step, tracker: Tracker) -> None:
        """A packet of the flow, and what became of it."""
        left = self._left_s(packet.at_s)
        status = 0
        if packet.protocol == uapi.IPPROTO_TCP:
            entry = tracker.connection(packet.source, packet.target)
            self._deadline = entry.deadline if entry is not None and entry.deadline > packet.at_s else None
            status = entry.status if entry is not None else 0
        else:
            status = uapi.IPS_SEEN_REPLY if step.verdict == ESTABLISHED else 0
            if step.timeout is not None:
                self._deadline = packet.at_s + step.timeout
        answered, assured = bool(status & uapi.IPS_SEEN_REPLY), bool(status & uapi.IPS_ASSURED)
        self._keep(Seen(packet, step, left, self._deadline, answered, assured))

    def close(self, tracker: Tracker, end_s: float) -> None:
        """The capture is over."""
        last = self.seen[-1].packet if self.seen else None
        if last is None or last.protocol != uapi.IPPROTO_TCP or self._left_s(end_s) is None:
            return
        self.gave_way = tracker.connection(last.source, last.target) is None

    def _left_s(self, now: float) -> float | None:
        if self._deadline is None or self._deadline <= now:
            return None
        return self._deadline - now

    def _keep(self, seen: Seen) -> None:
        if len(self._first) < MOST // 2:
            self._first.append(seen)
            return
        self.left_out += len(self._last) == self._last.maxlen
        self._last.append(seen)

"""Packets between a client and a server through a tracker, in few words.

``o`` is the client (original direction, if it opens), ``r`` the server. Sequence numbers go on by
themselves: ``talk.o("fin ack")`` sends what the client would send next.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import IPS_ASSURED, IPS_SEEN_REPLY, TCP_STATES
from halftrack.tcp.segments import Segment
from halftrack.tcp.table import TH_ACK, TH_FIN, TH_RST, TH_SYN
from halftrack.tcp.tracker import Tracker

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.settings import Policy, Settings
    from halftrack.tcp.tracker import Step

CLIENT: Final = "client"
SERVER: Final = "server"
_FLAGS: Final = {"syn": TH_SYN, "ack": TH_ACK, "fin": TH_FIN, "rst": TH_RST}


class Talk:
    """``now`` is the clock; it only moves when a test moves it."""

    def __init__(self, profile: Profile | None = None, settings: Settings | None = None) -> None:
        self.tracker = Tracker(settings=settings) if profile is None else Tracker(profile, settings)
        self.now = 1000.0
        self.policy: Policy | None = None
        self.numbers = {CLIENT: 1_000_000, SERVER: 5_000_000}

    def o(self, flags: str, **how: int | bytes | None) -> Step:
        return self._send(CLIENT, SERVER, flags, **how)

    def r(self, flags: str, **how: int | bytes | None) -> Step:
        return self._send(SERVER, CLIENT, flags, **how)

    def _send(  # what is None is what comes next
        self,
        source: str,
        target: str,
        flags: str,
        *,
        seq: int | None = None,
        ack: int | None = None,
        window: int = 8192,
        data: int = 0,
        options: bytes = b"",
    ) -> Step:
        bits = sum(_FLAGS[word] for word in flags.split())
        next_seq = self.numbers[source] if seq is None else seq
        next_ack = (self.numbers[target] if bits & TH_ACK else 0) if ack is None else ack
        segment = Segment(bits, next_seq, next_ack, window, data, options=options)
        if seq is None:
            self.numbers[source] = segment.end
        return self.tracker.tcp(self.now, source, target, segment, policy=self.policy)

    @property
    def entry(self) -> Connection | None:
        found = self.tracker.connection(CLIENT, SERVER)
        return None if found is None or found.deadline <= self.now else found

    @property
    def told(self) -> str:
        """The entry as a list would show it: state, seconds left, UNREPLIED or ASSURED."""
        entry = self.entry
        if entry is None:
            return "none"
        words = [TCP_STATES[entry.state], f"{entry.deadline - self.now:.0f}"]
        if not entry.status & IPS_SEEN_REPLY:
            words.append("UNREPLIED")
        if entry.status & IPS_ASSURED:
            words.append("ASSURED")
        return " ".join(words)

    @property
    def flags(self) -> tuple[int, int]:
        entry = self.entry
        assert entry is not None
        return entry.original.flags, entry.reply.flags

    def open(self) -> None:
        """A handshake."""
        self.o("syn")
        self.r("syn ack")
        self.o("ack")

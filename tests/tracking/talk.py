"""A client and a server who talk past a tracker, in words: ``talk.say("client syn, server syn-ack")``.

``Talk`` is the model alone, with a clock that only ``wait`` moves. In ``kernel.talking_past`` the running
kernel listens as well, and has to agree after every packet.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.tcp import prospects
from halftrack.tcp.profiles import PRESENT
from halftrack.tcp.settings import Settings
from halftrack.tcp.table import ORIGINAL, REPLY
from halftrack.tcp.tracker import EXEMPT, Tracker

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection, Entry
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.prospects import Packet
    from halftrack.tcp.tracker import Step

CLIENT: Final = "client"
SERVER: Final = "server"
AGAIN: Final = "again"
"""The same packet as this end's last one."""
ZERO: Final = "zero-window"
_OPTIONS: Final = b"\x03\x03\x07\x01\x04\x02\x01\x01"
_OTHERS: Final = {"udp": uapi.IPPROTO_UDP, "gre": uapi.IPPROTO_GRE, "other": 253}


@dataclass(frozen=True)
class Now:
    """After a packet: what rules saw of it, and the entry. ``given``: None where it keeps its time."""

    verdict: str
    event: str
    rule: str | None
    state: str | None = None
    given: int | None = None
    left: float = 0.0
    seen_reply: bool = False
    assured: bool = False
    flags: tuple[int, int] = (0, 0)

    @property
    def there(self) -> bool:
        return self.left > 0

    @property
    def told(self) -> tuple[str | None, int | None]:
        return self.state, self.given


class Talk:
    def __init__(self, profile: Profile = PRESENT) -> None:
        self.profile = profile
        self.clock = 1000.0
        self.tracker = Tracker(profile)
        self._last: dict[str, Packet] = {}
        self._said = 0

    def begin(self, settings: Settings | None = None) -> None:
        """Another connection, of which nobody knows anything. ``settings``: for all from now on."""
        self._last.clear()
        self._said = 0
        self.begin_anew()
        self.set(Settings() if settings is None else settings)

    def say(self, words: str) -> Now:
        """Packets one after the other, an end and a kind each; what is after the last."""
        for each in words.split(", "):
            by, kind = each.split()
            now = self.send(by, self.packet(by, kind))
        return now

    def packet(self, by: str, kind: str) -> Packet:
        """What this end would say next."""
        if kind == AGAIN:
            return self._last[by]
        self._said += 1
        window = 0 if kind == ZERO else prospects.WINDOW + self._said
        kind = prospects.ACK if kind == ZERO else kind
        options = _OPTIONS if kind in (prospects.SYN, prospects.SYN_ACK) else b""
        entry = self.entry
        if entry is None:
            return prospects.first(kind, options)
        direction = ORIGINAL if self.is_original(entry, by) else REPLY
        return prospects.following(entry, direction, kind, options, window)

    def send(self, by: str, packet: Packet) -> Now:
        self._last[by] = packet
        step = self.track(by, packet)
        return self._now(step, self.entry)

    def other(self, protocol: str, by: str) -> Now:
        """A packet of ``udp``, ``gre``, ``ping`` (an echo or, by the server, its answer) or ``other``."""
        step, entry = self.track_other(protocol, by)
        return self._now(step, entry)

    def _now(self, step: Step, entry: Entry | None) -> Now:
        if entry is None:
            return Now(step.verdict, step.event, step.rule)
        state = getattr(entry, "state", None)
        return Now(
            step.verdict,
            step.event,
            step.rule,
            None if state is None else uapi.TCP_STATES[state],
            step.timeout,
            entry.deadline - self.clock,
            bool(entry.status & uapi.IPS_SEEN_REPLY),
            bool(entry.status & uapi.IPS_ASSURED),
            (entry.original.flags, entry.reply.flags) if state is not None else (0, 0),
        )

    # What is different with a kernel that listens.

    def begin_anew(self) -> None:
        settings = self.tracker.settings
        self.tracker = Tracker(self.profile, settings)

    def set(self, settings: Settings) -> None:
        self.tracker.settings = settings

    def wait(self, seconds: float) -> None:
        self.clock += seconds

    @property
    def entry(self) -> Connection | None:
        found = self.tracker.connection(CLIENT, SERVER)
        return None if found is None or found.deadline <= self.clock else found

    def is_original(self, entry: Connection, by: str) -> bool:
        return entry.source == by

    def track(self, by: str, packet: Packet) -> Step:
        return self.tracker.tcp(self.clock, *_ends(by), packet.segment)

    def track_other(self, protocol: str, by: str) -> tuple[Step, Entry | None]:
        if protocol == "ping":
            kind = 8 if by == CLIENT else 0
            step = self.tracker.icmp(self.clock, *_ends(by), kind)
            number = uapi.IPPROTO_ICMP
        else:
            number = _OTHERS[protocol]
            step = self.tracker.datagram(self.clock, number, *_ends(by))
        found = [one for one in self.tracker.exchanges if one.key[0] == number]
        return step, found[0] if found else None

    def exempt(self) -> str:
        """What rules see of a packet that another rule exempted; it leaves no entry."""
        return EXEMPT.verdict


def _ends(by: str) -> tuple[str, str]:
    return (CLIENT, SERVER) if by == CLIENT else (SERVER, CLIENT)

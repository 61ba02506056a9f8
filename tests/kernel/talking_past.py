"""A client and a server who talk past the model and the running kernel, which have to agree on each packet."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink
from halftrack.tcp.tracker import Tracker
from kernel.campaigns import PROFILE
from kernel.crafting import Made
from kernel.exchanges import Exchange
from kernel.wire import CLIENTS, SERVER, packet, segment
from tracking.talk import CLIENT, Talk

if TYPE_CHECKING:
    from halftrack.tcp.entry import Connection, Entry
    from halftrack.tcp.prospects import Packet
    from halftrack.tcp.settings import Settings
    from halftrack.tcp.tracker import Step
    from kernel.wire import Wire

_OTHERS: Final = {"udp": uapi.IPPROTO_UDP, "gre": uapi.IPPROTO_GRE, "other": 253, "ping": uapi.IPPROTO_ICMP}
_UNTRACKED: Final = 81
"""A port of the server that the wire's rules exempt."""


class TalkingPast(Talk):
    def __init__(self, wire: Wire) -> None:
        super().__init__(PROFILE)
        self.exchange = Exchange(wire, Tracker(PROFILE))
        self.tracker = self.exchange.tracker

    def begin_anew(self) -> None:
        self.exchange.begin()

    def set(self, settings: Settings) -> None:
        self.exchange.apply(settings)

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    @property
    def entry(self) -> Connection | None:
        self.clock = time.monotonic()
        found = self.exchange.entry
        return None if found is None or found.deadline <= self.clock else found

    def is_original(self, entry: Connection, by: str) -> bool:
        return (entry.source == self.exchange.flow.client) == (by == CLIENT)

    def track(self, by: str, packet: Packet) -> Step:
        return self.exchange.send(Made(by == CLIENT, *packet))

    def track_other(self, protocol: str, by: str) -> tuple[Step, Entry | None]:
        client, _ = self.exchange.flow.client
        source, target = (client, SERVER) if by == CLIENT else (SERVER, client)
        number, self.clock = _OTHERS[protocol], time.monotonic()
        verdict = self.exchange.wire.send(packet(number, source, target, _body(protocol, by)))
        if protocol == "ping":
            step = self.tracker.icmp(self.clock, source, target, 8 if by == CLIENT else 0)
        else:
            step = self.tracker.datagram(self.clock, number, source, target)
        assert step.verdict == verdict
        found = [one for one in self.tracker.exchanges if one.key[0] == number and client in one.key]
        entry = found[0] if found else None
        self._compare(number, client, entry)
        return step, entry

    def _compare(self, number: int, client: int, entry: Entry | None) -> None:
        frame = ctnetlink.dump(netns_path=self.exchange.wire.netns.path).flows.frame
        rows = [
            (row["status"], row["timeout"])
            for row in frame.iter_rows(named=True)
            if row["l4proto"] == number
            and client in {row[f"orig_{end}_lo"] & 0xFFFF_FFFF for end in ("src", "dst")}
        ]
        assert len(rows) == (entry is not None)
        if entry is not None:
            status, left = rows[0]
            assert status == entry.status
            assert entry.deadline - time.monotonic() - 1.3 <= left <= entry.deadline - self.clock

    def exempt(self) -> str:
        ends = (CLIENTS, 5_000), (SERVER, _UNTRACKED)
        verdict = self.exchange.wire.send(segment(*ends, Made(True, *self.packet(CLIENT, "ack"))))  # noqa: FBT003  # who sends it
        frame = ctnetlink.dump(netns_path=self.exchange.wire.netns.path).flows.frame
        assert not (frame["orig_dport"] == _UNTRACKED).any()
        return verdict


def _body(protocol: str, by: str) -> bytes:
    if protocol == "udp":
        return struct.pack("!HHHH", *((5_000, 53) if by == CLIENT else (53, 5_000)), 8, 0)
    if protocol == "gre":
        return struct.pack("!HH", 0, 0x0800)
    if protocol == "ping":
        return struct.pack("!BBHHH", 8 if by == CLIENT else 0, 0, 0, 77, 1)
    return b"something"

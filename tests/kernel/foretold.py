"""Copies of one entry in the running kernel: one is explained, each of the others gets one of the packets."""

from __future__ import annotations

import platform
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from halftrack.diagnosis.explained import explain
from halftrack.diagnosis.view import view
from halftrack.evidence import uapi
from halftrack.evidence.sysctls import PREFIX
from halftrack.evidence.values import Evidence, Namespace, Table
from halftrack.kernel import ctnetlink
from halftrack.tcp import prospects
from halftrack.tcp.table import ORIGINAL
from halftrack.tcp.tracker import Tracker
from kernel.campaigns import PROFILE, STEADY
from kernel.crafting import Made
from kernel.inject import End, Entries, inject
from kernel.wire import CLIENTS, SERVER, segment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from halftrack.diagnosis.explained.document import Explained, Outcome
    from halftrack.tcp.entry import Connection
    from halftrack.tcp.prospects import Packet
    from kernel.wire import Wire

PORT: Final = 80
OPTIONS: Final = b"\x03\x03\x07\x01\x04\x02\x01\x01"
STATES: Final = uapi.STATE_NAMES[uapi.IPPROTO_TCP]
_SLACK_S: Final = 1.3
"""A second that is shown rounded down, and what a busy machine adds."""


@dataclass(frozen=True)
class Happened:
    """What became of one packet in the kernel: ``left``: seconds afterwards; None: no entry."""

    packet: prospects.Packet
    verdict: str
    state: str | None
    seen_reply: bool
    assured: bool
    left: int | None

    def is_(self, outcome: Outcome, before_s: int, elapsed_s: float) -> bool:
        """Whether that was foretold. ``before_s``: what the entry was seen to have, no longer ago than elapsed."""
        if (self.left is None) != outcome.gone or self.verdict != outcome.verdict:
            return False
        if self.left is None:
            return True
        if outcome.timeout_s is None:
            # A copy that was made after that look has as much more as the look came late.
            least, most = before_s, before_s + elapsed_s + 1
        else:
            least = most = outcome.timeout_s
        in_time = least - elapsed_s - _SLACK_S <= self.left <= most
        same = (self.state, self.seen_reply, self.assured) == (
            outcome.state,
            outcome.seen_reply,
            outcome.assured,
        )
        return same and in_time


class Copies:
    """Each is another client of the same server. ``by_server``: it is the server that speaks first."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.tracker = Tracker(PROFILE, STEADY)
        self.by_server = False
        self.made = 0
        self.where: dict[int, prospects.Ends] = {}

    def ends(self, number: int) -> tuple[tuple[int, int], tuple[int, int]]:
        client, server = (CLIENTS + number, 5_000), (SERVER, PORT)
        return (server, client) if self.by_server else (client, server)

    def play(self, history: str) -> int:
        """One more copy by these packets: ``orig syn, reply syn-ack, ...``; its number."""
        self.made += 1
        for place, step in enumerate(filter(None, history.split(", "))):
            by, kind = step.split()
            direction = ("orig", "reply").index(by)
            packet = self._packet(self.made, direction, kind, place)
            self.send(self.made, direction, packet)
            self.where[self.made] = self.where.get(self.made, prospects.Ends()).after(direction, packet)
        return self.made

    def put_in(self, count: int, **columns: Any) -> range:
        """So many copies as a tool puts them in; their numbers. ``columns``: of ``inject.Entries``."""
        numbers = range(self.made + 1, self.made + 1 + count)
        self.made += count
        clients = np.arange(CLIENTS + numbers[0], CLIENTS + numbers[0] + count, dtype=np.uint32)
        server = SERVER.to_bytes(4, "big")
        there, back = End(clients, server, 5_000, PORT), End(server, clients, PORT, 5_000)
        inject(self.wire.netns.path, Entries(there, back, count=count, **columns))
        return numbers

    def send(self, number: int, direction: int, packet: Packet) -> str:
        """To kernel and model; what rules saw of it in the kernel."""
        ends = self.ends(number) if direction == ORIGINAL else self.ends(number)[::-1]
        verdict = self.wire.send(segment(*ends, Made(True, *packet)))  # noqa: FBT003  # not looked at
        self.tracker.tcp(time.monotonic(), *ends, packet.segment)
        return verdict

    def entry(self, number: int) -> Connection | None:
        return self.tracker.connection(*self.ends(number))

    def _packet(self, number: int, direction: int, kind: str, place: int) -> Packet:
        entry = self.entry(number)
        options = OPTIONS if kind in (prospects.SYN, prospects.SYN_ACK) else b""
        if entry is None:
            return prospects.first(kind, options)
        window = prospects.WINDOW + 1 + place
        return prospects.following(entry, direction, kind, options, window, ends=self.where[number])

    def rows(self) -> dict[int, dict[str, Any]]:
        """What the kernel holds, by number; an entry may have been opened anew by its other end."""
        frame = ctnetlink.dump(netns_path=self.wire.netns.path).flows.frame
        return {_client(row) - CLIENTS: row for row in frame.iter_rows(named=True)}

    def explained(self, number: int) -> Explained:
        """What is said of a copy, by what the kernel shows of it."""
        flows = ctnetlink.dump(netns_path=self.wire.netns.path).flows
        table = Table(Namespace("scratch"), flows=flows, settings=self.wire.netns.call(namespace_settings))
        evidence = Evidence("node", "live", kernel=platform.release(), tables=(table,))
        for row in view(table, evidence).flows.iter_rows(named=True):
            if _client(row) == CLIENTS + number:
                return explain(evidence, table, row, {}, matching=1)
        raise LookupError("the kernel has no such entry")


def happened(packet: prospects.Packet, verdict: str, row: Mapping[str, Any] | None) -> Happened:
    if row is None:
        return Happened(packet, verdict, None, seen_reply=False, assured=False, left=None)
    status = row["status"]
    return Happened(
        packet,
        verdict,
        STATES[row["state"]],
        seen_reply=bool(status & uapi.IPS_SEEN_REPLY),
        assured=bool(status & uapi.IPS_ASSURED),
        left=row["timeout"],
    )


def _client(row: Mapping[str, Any]) -> int:
    source, target = row["orig_src_lo"] & 0xFFFF_FFFF, row["orig_dst_lo"] & 0xFFFF_FFFF
    return int(target if source == SERVER else source)


def namespace_settings() -> dict[str, str]:
    """The sysctls of the namespace that the calling thread is in."""
    return {
        PREFIX + path.name.removeprefix("nf_conntrack_"): path.read_text("ascii").strip()
        for path in Path("/proc/sys/net/netfilter").glob("nf_conntrack_*")
    }

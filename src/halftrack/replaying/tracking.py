"""Packets in, entries and counts out: one run of the tracker over a capture."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence import uapi
from halftrack.evidence.packets import QUOTED
from halftrack.replaying import ends
from halftrack.replaying.copies import Copies
from halftrack.replaying.following import Packet
from halftrack.replaying.passing import COPY, passing
from halftrack.replaying.telling import ICMP_ERROR
from halftrack.replaying.timeline import Timeline
from halftrack.tcp import rules
from halftrack.tcp.segments import Segment
from halftrack.tcp.tracker import INVALID, Step, Tracker

if TYPE_CHECKING:
    from halftrack.replaying.following import Following
    from halftrack.replaying.passing import Position
    from halftrack.replaying.timeline import Point
    from halftrack.tcp.profiles import Profile
    from halftrack.tcp.settings import Settings

_SHORT: Final = Step(rules.BROKEN, uapi.TCP_CONNTRACK_NONE, uapi.TCP_CONNTRACK_NONE, INVALID, None, None)
_NS: Final = 1e9
_PLAIN: Final = 0
_BROKEN_TCP: Final = 1
_DATAGRAM: Final = 2
_ICMP: Final = 3
_ERROR: Final = 4
_NO_TUPLE: Final = 5
"""What is to be done with a packet: ``_kinds``."""
_COLLECT: Final = 10_000


class Replay:
    """One namespace with these rules, and the packets of one capture.

    ``limit``: see ``Tracker``. ``at``: which packets pass. ``following``: who is told of single packets.
    ``numbers``: by an entry's serial, the number of the packet that made it; of entries that are there.
    ``events``, ``verdicts``: how many packets met which. ``skipped``: by ``passing.REASONS``.
    ``end_s``: moment of the last packet, seconds since the first.
    """

    def __init__(
        self,
        profile: Profile,
        settings: Settings,
        *,
        limit: int | None = None,
        at: Position = "all",
        following: Following | None = None,
    ) -> None:
        self.tracker = Tracker(profile, settings, limit)
        self.timeline = Timeline()
        self.numbers: dict[int, int] = {}
        self.events: Counter[str] = Counter()
        self.verdicts: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.end_s = 0.0
        self.first_ns: int | None = None
        self._at = at
        self._copies = Copies()
        self._following = following
        self._collect_at = _COLLECT

    def feed(self, frame: pl.DataFrame) -> None:
        """The next packets, rows of ``packets.SCHEMA``. What is older than what came before is as old."""
        if not frame.height:
            return
        if self.first_ns is None:
            self.first_ns = int(frame["at_ns"][0])
        since = (frame["at_ns"] - self.first_ns).to_numpy() / _NS
        seconds = np.maximum.accumulate(np.maximum(since, self.end_s))
        timed = frame.with_columns(pl.Series("at_s", seconds))
        for reason, part in passing(timed, self._at):
            if reason is not None:
                self.skipped[reason] += part.height
                continue
            originals = self._copies.originals(part)
            self.skipped[COPY] += part.height - int(originals.sum())
            once = part if originals.all() else part.filter(originals)
            if self._following is not None and self._following.alone:
                self._pass(self._following.chosen(once))
            else:
                self._pass(once)
        self.end_s = float(seconds[-1])

    def close(self, last_ns: int | None = None) -> Point:
        """No more packets: the table at the end, without what has run out.

        ``last_ns``: the last moment of the capture, where that is later than the last packet that came here.
        """
        if last_ns is not None and self.first_ns is not None:
            self.end_s = max(self.end_s, (last_ns - self.first_ns) / _NS)
        end = self.timeline.close(self.end_s, self.tracker)
        self._collect(self.end_s)
        if self._following is not None:
            self._following.close(self.tracker, self.end_s)
        return end

    def _pass(self, frame: pl.DataFrame) -> None:  # noqa: C901  # one case for each kind of packet
        tracker, timeline, events, verdicts = self.tracker, self.timeline, self.events, self.verdicts
        tcp, followed = tracker.tcp, self._following
        due = timeline.due
        sources, targets = ends.of(frame, "src", "sport"), ends.of(frame, "dst", "dport")
        kinds = _kinds(frame)
        numbers = frame["number"].to_list()
        protocols = frame["l4proto"].to_list()
        types, codes, idents = (frame[name].to_list() for name in ("type", "code", "icmp_id"))
        marks = followed.marks(frame) if followed is not None else None
        for at, (now, kind, source, target, flags, seq, ack, window, length, options) in enumerate(
            zip(
                frame["at_s"].to_list(),
                kinds,
                sources,
                targets,
                *(frame[name].fill_null(0).to_list() for name in ("flags", "seq", "ack", "window", "length")),
                frame["options"].fill_null(b"").to_list(),
                strict=True,
            )
        ):
            if now >= due:
                timeline.reach(now, tracker)
                due = timeline.due
            if kind == _PLAIN:
                step = tcp(now, source, target, Segment(flags, seq, ack, window, length, options=options))
            elif kind == _DATAGRAM:
                step = tracker.datagram(now, protocols[at], source, target)
            elif kind == _ICMP:
                ident = idents[at], codes[at]
                step = tracker.icmp(now, source, target, types[at], ident=ident, l4proto=protocols[at])
            elif kind == _BROKEN_TCP:
                segment = Segment(flags, seq, ack, window, length, options=options)
                step = tcp(now, source, target, segment, broken=True)
            elif kind == _NO_TUPLE:
                step = _SHORT
            else:
                events[ICMP_ERROR] += 1
                if marks is not None and marks[at] and followed is not None:
                    followed.heard(Packet(numbers[at], now, source, target, protocols[at]))
                continue
            event = step.event
            events[event] += 1
            verdicts[step.verdict] += 1
            if event in rules.BEGINNING:
                self.numbers[tracker.made] = numbers[at]
                if tracker.made >= self._collect_at:
                    self._collect(now)
            if marks is not None and marks[at] and followed is not None:
                packet = Packet(
                    *(numbers[at], now, source, target, protocols[at], flags, seq, ack, window, length),
                    options=options,
                    kind=types[at],
                    ident=(idents[at], codes[at]),
                )
                followed.saw(packet, step, tracker)

    def _collect(self, now: float) -> None:
        """Let go of what has run out: by and by, so that what is kept grows with what is there."""
        tracker = self.tracker
        tracker.collect(now)
        self.numbers = {entry.serial: self.numbers[entry.serial] for entry in tracker}
        self._collect_at = tracker.made + max(_COLLECT, len(tracker))


def _kinds(frame: pl.DataFrame) -> list[int]:
    protocol, broken = pl.col("l4proto"), pl.col("broken").fill_null(value=False)
    tcp = protocol == uapi.IPPROTO_TCP
    icmp = protocol.is_in(uapi.ICMP_PROTOCOLS)
    no_tuple = (protocol.is_in(uapi.PORT_PROTOCOLS) & pl.col("sport").is_null()) | (
        icmp & (pl.col("type").is_null() | broken)
    )
    return (
        frame.select(
            pl.when(no_tuple)
            .then(_NO_TUPLE)
            .when(tcp)
            .then(pl.when(broken | pl.col("flags").is_null()).then(_BROKEN_TCP).otherwise(_PLAIN))
            .when(icmp)
            .then(pl.when(pl.col(QUOTED + "l4proto").is_not_null()).then(_ERROR).otherwise(_ICMP))
            .when(broken)
            .then(_NO_TUPLE)
            .otherwise(_DATAGRAM)
            .cast(pl.UInt8)
            .alias("kind")
        )["kind"]
        .to_list()
    )  # fmt: skip

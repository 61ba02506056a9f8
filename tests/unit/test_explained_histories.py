"""What ordinary connections leave behind is never taken for something that a tool has put in."""

from __future__ import annotations

import random
from collections import deque
from typing import TYPE_CHECKING, Final

import pytest

from halftrack.diagnosis.explained import origins
from halftrack.diagnosis.explained.seen import Seen
from halftrack.evidence import uapi
from halftrack.tcp import histories, profiles
from halftrack.tcp.segments import Segment
from halftrack.tcp.settings import Rulebook, Settings
from halftrack.tcp.table import TH_ACK, TH_FIN, TH_PUSH, TH_SYN
from halftrack.tcp.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.tcp.entry import Connection
    from halftrack.tcp.profiles import Profile

OPTIONS: Final = b"\x03\x03\x07\x01\x04\x02\x01\x01"
CONVERSATIONS: Final = 250


class _End:
    """``sent``: behind its last byte. ``heard``: what it acknowledges."""

    def __init__(self, sent: int) -> None:
        self.sent = sent
        self.heard = 0
        self.closed = False
        self.said: list[tuple[int, int]] = []


def _conversation(dice: random.Random, *, handshake: bool) -> Iterator[tuple[int, Segment]]:
    """Whose segment it is, and the segment, of two ends that talk, repeat themselves, cross, and close."""
    ends = (_End(1_000), _End(900_000))
    on_the_way: tuple[deque[int], deque[int]] = (deque(), deque())
    if handshake:
        yield 0, Segment(TH_SYN, ends[0].sent, 0, 8_000, options=OPTIONS)
        ends[0].sent += 1
        yield 1, Segment(TH_SYN | TH_ACK, ends[1].sent, ends[0].sent, 8_000, options=OPTIONS)
        ends[1].sent += 1
    ends[0].heard, ends[1].heard = ends[1].sent, ends[0].sent
    if handshake:
        yield 0, Segment(TH_ACK, ends[0].sent, ends[0].heard, 8_000)
    for _ in range(dice.randrange(1, 40)):
        by = dice.randrange(2)
        end = ends[by]
        while on_the_way[1 - by] and dice.random() < 0.6:
            end.heard = max(end.heard, on_the_way[1 - by].popleft())
        segment = _next(dice, end)
        on_the_way[by].append(end.sent)
        yield by, segment


def _next(dice: random.Random, end: _End) -> Segment:
    chance, seq, window = dice.random(), end.sent, dice.choice((8_000, 7_000, 0, 9_000))
    if chance < 0.45 and not end.closed:
        length = dice.choice((1, 100, 1_400))
        end.said.append((seq, length))
        end.sent += length
        return Segment(TH_PUSH | TH_ACK, seq, end.heard, 8_000, length)
    if chance > 0.92 and not end.closed:
        end.sent += 1
        end.closed = True
        return Segment(TH_FIN | TH_ACK, seq, end.heard, window)
    if chance > 0.84 and end.said:
        seq, length = dice.choice(end.said[-3:])
        return Segment(TH_PUSH | TH_ACK, seq, end.heard, window, length)
    return Segment(TH_ACK, seq, end.heard, window)


def _seen(entry: Connection) -> Seen:
    return Seen(
        l4proto=uapi.IPPROTO_TCP,
        state=entry.state,
        status=entry.status,
        left_s=int(entry.deadline),
        flags=(entry.original.flags, entry.reply.flags),
        scales=(entry.original.td_scale, entry.reply.td_scale),
        packets=(min(entry.packets_original, 3), min(entry.packets_reply, 3)),
    )


@pytest.mark.parametrize("profile", [profiles.PRESENT, profiles.EL7], ids=lambda profile: profile.name)
@pytest.mark.parametrize("way", ["handshake", "pick-up"])
def test_what_packets_made_is_known_for_that(profile: Profile, way: str) -> None:
    book = Rulebook(profile, Settings())
    options = OPTIONS if way == "handshake" else b""
    found = histories.explore(book, (options, options), counted=2)
    seen = {
        each
        for seed in range(CONVERSATIONS)
        for each in _left_behind(profile, seed, handshake=way == "handshake")
    }
    assert len(seen) > 50
    for each in seen:
        judged, _ = origins.judge(each, found)
        assert way in {one.origin for one in judged if one.possible}, each


def _left_behind(profile: Profile, seed: int, *, handshake: bool) -> Iterator[Seen]:
    """What a table tells after each packet."""
    tracker = Tracker(profile)
    dice = random.Random(seed)  # noqa: S311  # the same ones each time
    for by, segment in _conversation(dice, handshake=handshake):
        tracker.tcp(0.0, *(histories.ENDS if by == 0 else histories.ENDS[::-1]), segment)
        entry = tracker.connection(*histories.ENDS)
        if entry is not None:
            yield _seen(entry)

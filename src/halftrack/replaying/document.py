"""``halftrack.replay/1``: what a replay came to. Durations are seconds; what is not known is null."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import msgspec

SCHEMA: Final = "halftrack.replay/1"

Entries = Annotated[
    msgspec.Raw,
    msgspec.Meta(
        description="Entries as in halftrack.entries/1; id is the number of the packet that made one.",
        extra_json_schema={"type": "array", "items": {"type": "object"}},
    ),
]
"""Written by columns: no object per entry."""


class Packets(msgspec.Struct, frozen=True, kw_only=True):
    """``file``: packets in the file. ``passed``: those that the tracker was asked about.

    ``events``: by what became of them, ``verdicts``: by what rules would see (``ct state``).
    ``icmp_errors``: passed, too, and belong to the entry of the packet that they tell of.
    """

    file: int
    passed: int
    events: dict[str, int]
    verdicts: dict[str, int]
    icmp_errors: int
    reassembled: int
    backwards: int


class Flows(msgspec.Struct, frozen=True, kw_only=True):
    """Entries that were made: by a packet that opens, by one in mid-stream, by one that opens anew."""

    made: int
    opened: int
    picked_up: int
    reopened: int


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """The table at a moment, ``at_s`` seconds since the first packet."""

    at_s: float
    entries: int
    one_sided: int
    by_state: dict[str, int]
    by_protocol: dict[str, int]


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One-sided entries at the end that have an ``end`` in common; ``peers``: addresses on their other side.

    ``sent``: the packets that were seen are its own; false: those that were sent to it.
    """

    end: str
    protocol: str
    sent: bool
    entries: int
    peers: int


class ExplainedPacket(msgspec.Struct, frozen=True, kw_only=True):
    """``event``, ``verdict``, ``rule``: slugs, ``why`` and ``time_why`` say the same in words.

    ``left_s``: what the entry had left when the packet came; ``expired_s``: for how long it had run out.
    ``timeout_s``: what it was given; null: it keeps what it had.
    """

    number: int
    at_s: float
    source: str
    packet: str
    flags: int | None
    seq: int | None
    ack: int | None
    window: int | None
    length: int
    event: str
    why: str
    old: str | None
    new: str | None
    verdict: str | None
    left_s: float | None
    expired_s: float | None
    timeout_s: int | None
    rule: str | None
    time_why: str | None
    one_sided: bool


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that the flow's entry took; ``number`` null: brought by time."""

    at_s: float
    number: int | None
    text: str


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """One flow. ``asked``: the packet by whose number it was asked for. ``left_out``: packets not listed.

    ``client_seen``: which end is the client was seen; otherwise it is taken to be by its port.
    """

    flow: str
    client: str
    server: str
    client_seen: bool
    asked: int | None
    packets: tuple[ExplainedPacket, ...]
    left_out: int
    story: tuple[Turn, ...]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """One entry at the end."""

    state: str | None
    one_sided: bool
    left_s: int


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """A flow whose entry is not the same at the end; null: it has none. ``number``: of its first packet."""

    flow: str
    number: int | None
    here: Standing | None
    there: Standing | None


class Against(msgspec.Struct, frozen=True, kw_only=True):
    """The same packets under other rules. ``given``: what was changed. ``differing``: flows in all."""

    given: dict[str, int]
    kernel: str
    profile: str
    packets: Packets
    flows: Flows
    timeline: tuple[Point, ...]
    peak: Point
    end: Point
    differing: int
    differences: tuple[Difference, ...]


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """``kernel``: a release; ``profile``: whose rules were taken.

    ``given``: settings that were asked for one by one, ``settings_of``: the file that tells the others, null:
    defaults; ``settings``: all. ``limit``: most entries, null: as many as come. ``begins_at``: the first
    packet's time. ``one_sided``: those of ``entries`` by whose they are, twenty groups at most. ``whole``:
    it was read to its end. ``peak``: the largest of the timeline, ``end``: its last point.
    """

    schema: str = SCHEMA
    file: str
    kernel: str
    profile: str
    at: str
    given: dict[str, int]
    settings_of: str | None
    settings: dict[str, int]
    limit: int | None
    begins_at: datetime | None
    duration_s: float
    whole: bool
    packets: Packets
    flows: Flows
    entries: Entries
    one_sided: tuple[Group, ...]
    timeline: tuple[Point, ...]
    peak: Point
    end: Point
    skipped: dict[str, int]
    notes: tuple[str, ...]
    explained: Explained | None
    against: Against | None

"""What is wrong, since when, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from halftrack.diagnosis.document.groups import Group
from halftrack.diagnosis.document.reading import ReadAt
from halftrack.diagnosis.document.remedies import Advice
from halftrack.diagnosis.document.tables import Forecast

LIKELY: Final = 0.5
"""Confidence from which on a cause is called likely."""


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """When the entries were last heard (``timeout`` clock) or made (``timestamp`` clock), per bucket.

    ``start`` is the begin of the first bucket, None where ``taken_at`` is not known: the last
    bucket then ends at the moment of the dump, whenever that was. ``caveats``: what makes the
    clock inexact here.
    """

    clock: Literal["timeout", "timestamp"]
    bucket_s: int
    start: datetime | None
    entries: tuple[int, ...]
    caveats: tuple[str, ...] = ()


class EnabledBy(msgspec.Struct, frozen=True, kw_only=True):
    setting: str
    value: str | None
    why: str


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """``at``: the files and lines of ``source``, where they are known."""

    what: str
    value: str | int | float | None = None
    source: str
    at: tuple[ReadAt, ...] = ()


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """``settled_by``: what to type where the entries end, if a table alone was read and tells no cause."""

    cause: str
    confidence: float
    for_: tuple[Reason, ...] = msgspec.field(name="for", default=())
    against: tuple[Reason, ...] = ()
    missing: tuple[str, ...] = ()
    settled_by: str | None = None

    @property
    def likely(self) -> bool:
        """Whether the evidence speaks more for than against it."""
        return self.cause != "unknown" and self.confidence >= LIKELY


class Began(msgspec.Struct, frozen=True, kw_only=True):
    """How TCP entries that are one-sided or assured came to be.

    ``picked_up`` in mid-stream, by a ``handshake`` that was seen, ``injected`` by a program, ``unknown``.
    ``basis``: ``tcp-flags`` (and window scales), which prove it; ``unanswered``: inferred where a text has
    none, what got so far without any reply (often of one packet) had no handshake; None: neither is there.
    """

    picked_up: int = 0
    handshake: int = 0
    injected: int = 0
    unknown: int = 0
    basis: Literal["tcp-flags", "unanswered"] | None = None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """``began``: None where none of the entries is such that it could be told.

    ``at``: where its entries stand, from the first to the last, or what it rests on; ``first_lines``: of the
    first of them, where they are lines.
    """

    id: str
    symptom: str
    severity: Literal["info", "warning", "critical"]
    title: str
    entries: int
    share: float | None = None
    explanation: str = ""
    groups: tuple[Group, ...] = ()
    more_groups: int = 0
    began: Began | None = None
    timeline: Timeline | None = None
    forecast: Forecast | None = None
    enabled_by: tuple[EnabledBy, ...] = ()
    causes: tuple[Cause, ...] = ()
    remedies: tuple[Advice, ...] = ()
    at: tuple[ReadAt, ...] = ()
    first_lines: tuple[int, ...] = ()

    @property
    def netns(self) -> str:
        """The table that it is about: that of its groups, else the one that a condition's id names."""
        return self.groups[0].netns if self.groups else self.id.removeprefix(f"{self.symptom}/")

"""What happened between moments of one node: ``Diagnosis.since``.

Part of ``halftrack.diagnosis/1``: fields are added, never renamed or removed. None: not known.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

Order = Literal["times", "entries", "given"]
Identity = Literal["start", "id", "tuple"]
Course = Literal["new", "gone", "greater", "smaller", "same", "unclear"]


class SinceMoment(msgspec.Struct, frozen=True, kw_only=True):
    """One moment. ``entries`` and ``stuck``: of the table that the verdict speaks of, where it had one then.

    ``new``, ``stayed`` and ``left``: of that table since the moment before; None for the first, and where
    that cannot be told. ``complete``: as the diagnosis of it was.
    """

    name: str
    source: Literal["live", "bundle", "sos", "dump"]
    taken_at: datetime | None = None
    severity: Literal["ok", "warning", "critical"]
    complete: bool
    entries: int | None = None
    stuck: int | None = None
    new: int | None = None
    stayed: int | None = None
    left: int | None = None


class SinceTable(msgspec.Struct, frozen=True, kw_only=True):
    """One table, then and now. An entry is the same where both tuples, zone and namespace are.

    ``before`` and ``now``: entries that the kernel counted. Of those that were read: ``new`` ones, those
    that ``stayed``, and those that ``left``; a tuple that a new connection uses again is one that left and
    a new one (``reused`` of them). ``unseen_before``: entries of now that may have been there, for the
    earlier source is not whole; ``unseen_now``: entries of then that may still be there, likewise. So ``new
    + stayed + unseen_before`` are the entries read now, ``left + stayed + unseen_now`` those read then;
    with any unseen ones all three are at least. None: the entries of one of the two were not read.

    ``identity``: what tells a connection from another that has the same tuple: its ``start``, its ``id``,
    or nothing but ``tuple`` and state. ``unproven``: entries that stayed by their tuple alone, although
    their time would have been over: heard again, or another connection.

    ``per_minute``: more entries a minute than before; ``new_per_minute``: new ones, of which some may have
    left again. ``counters``: how far those of the kernel rose; None where it was restarted or they were not
    read.
    """

    netns: str
    before: int | None = None
    now: int | None = None
    new: int | None = None
    stayed: int | None = None
    left: int | None = None
    reused: int = 0
    unproven: int = 0
    unseen_before: int = 0
    unseen_now: int = 0
    identity: Identity | None = None
    stuck_before: int | None = None
    stuck_now: int | None = None
    per_minute: float | None = None
    new_per_minute: float | None = None
    counters: dict[str, int] | None = None


class SinceFinding(msgspec.Struct, frozen=True, kw_only=True):
    """One finding, then and now. ``id``: as in ``findings``, or as it was where it is gone.

    ``before`` and ``now``: its entries. Those of now are ``new`` ones, others that ``joined`` (they were
    there and did not show it), those that ``stayed``, and ``unseen_before``; those of then stayed, were
    ``released`` (they are there and do not show it any more), ``left``, or are ``unseen_now``. ``course``:
    ``unclear`` where what is not seen may be all that is between them. ``per_minute``: as measured, of
    those that come to it.
    """

    id: str
    symptom: str
    netns: str | None = None
    course: Course
    title: str
    severity_before: Literal["info", "warning", "critical"] | None = None
    severity_now: Literal["info", "warning", "critical"] | None = None
    before: int
    now: int
    new: int | None = None
    joined: int | None = None
    stayed: int | None = None
    released: int | None = None
    left: int | None = None
    unseen_before: int = 0
    unseen_now: int = 0
    per_minute: float | None = None


class SinceSetting(msgspec.Struct, frozen=True, kw_only=True):
    """One that is another now. ``netns`` None: of the node; ``setting``: a sysctl's full name, or
    ``kernel``.
    """

    netns: str | None = None
    setting: str
    before: str
    now: str


class SinceRules(msgspec.Struct, frozen=True, kw_only=True):
    """Rules of a namespace that are ``new`` and that are ``gone``, in their owner's words, the first of
    each.
    """

    netns: str
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    more_new: int = 0
    more_gone: int = 0


class Since(msgspec.Struct, frozen=True, kw_only=True):
    """``moments``: oldest first, the last is the one that the diagnosis is of.

    All else is between the first and the last. ``order``: by their ``times``; by their ``entries``, which
    have less time left the later it is; or as they were ``given``, for nothing tells. ``seconds`` between
    them.
    """

    moments: tuple[SinceMoment, ...]
    order: Order
    seconds: int | None = None
    tables: tuple[SinceTable, ...] = ()
    findings: tuple[SinceFinding, ...] = ()
    settings: tuple[SinceSetting, ...] = ()
    rules: tuple[SinceRules, ...] = ()
    notes: tuple[str, ...] = ()

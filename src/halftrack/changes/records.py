"""What the journal of a change says, one record a line, each on disk before what follows it happens.

Published as files under the state directory: kinds and fields are added, never renamed or removed.
``at`` is the wall clock; moments that are compared with each other are seconds of CLOCK_BOOTTIME.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from halftrack.changes.writes.kinds import AnyWrite
from halftrack.plans.change import Who
from halftrack.plans.document import Plan


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="record", omit_defaults=True):
    """Built by keyword; ``record`` is its kind."""

    at: datetime


class Begun(_Record, frozen=True, kw_only=True, tag="begun"):
    """``boot``: the boot id. ``lasting``: it is to hold over a reboot."""

    number: int
    who: Who
    plan: Plan
    boot: str | None
    lasting: bool = True


class Armed(_Record, frozen=True, kw_only=True, tag="trial armed"):
    """A guardian waits and undoes the change at ``deadline_s`` unless it is kept."""

    deadline_s: float
    undone_at: datetime
    guardian: int
    unit: str | None = None


class Writing(_Record, frozen=True, kw_only=True, tag="writing"):
    """``index``: of the write in this change; ``step``, ``action``: of the plan it is part of."""

    index: int
    step: int
    action: int
    write: AnyWrite


class Wrote(_Record, frozen=True, kw_only=True, tag="wrote"):
    index: int


class Verified(_Record, frozen=True, kw_only=True, tag="verified"):
    """Looked at again, and it holds."""

    index: int


class Failed(_Record, frozen=True, kw_only=True, tag="failed"):
    """The plan went no further than this step."""

    step: int
    why: str


class Draining(_Record, frozen=True, kw_only=True, tag="draining"):
    """Entries are about to be drained: that cannot be undone, and how many is known only afterwards.

    ``file``: will hold each of them before it is touched; where there is none, none was.
    """

    step: int
    action: int
    file: str | None = None


class Drained(_Record, frozen=True, kw_only=True, tag="drained"):
    """``file``: what was there, for ``conntrack -R``."""

    step: int
    action: int
    entries: int
    file: str | None = None


class Applied(_Record, frozen=True, kw_only=True, tag="applied"):
    """All that the plan wanted, but for what waits until the change is kept."""

    done_s: float


class Kept(_Record, frozen=True, kw_only=True, tag="kept"):
    """``how``: over which connection it was said."""

    who: Who
    how: str


class Persisted(_Record, frozen=True, kw_only=True, tag="persisted"):
    """All that was to hold over a reboot does."""


class Undoing(_Record, frozen=True, kw_only=True, tag="undoing"):
    who: Who
    why: str


class Restored(_Record, frozen=True, kw_only=True, tag="restored"):
    """One write was taken back; ``gone``: there was nothing left to take back."""

    index: int
    gone: bool = False


class Undone(_Record, frozen=True, kw_only=True, tag="undone"):
    why: str


Record = (
    Begun
    | Armed
    | Writing
    | Wrote
    | Verified
    | Failed
    | Draining
    | Drained
    | Applied
    | Kept
    | Persisted
    | Undoing
    | Restored
    | Undone
)

"""What became of a plan, as a value: what ``changes --json`` prints and the reports show.

Published as ``halftrack.changes/1``: fields are added, never renamed or removed.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

SCHEMA: Final = "halftrack.changes/1"

State = Literal["begun", "applied", "trial", "kept", "stopped", "undoing", "undone"]
"""``begun``: interrupted, or still at work. ``trial``: it waits to be kept. ``stopped``: at a step
that did not hold; what came before it is in force."""
Holds = Literal["yes", "no", "drift", "gone", "replaced", "unknown"]
"""``no``: what was there before is there. ``drift``: neither. ``gone``: its place has ended.

``replaced``: a later change of ours has written to the same, and tells of it.
"""


PartState = Literal["writing", "wrote", "verified", "restored"]
"""``writing``: announced; whether it was done, only ``holds`` tells."""


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """``login``: who logged in, whatever they became since; ``sudo``: who typed sudo.

    ``ssh``: the connection, as SSH_CONNECTION has it: client, port, server, port.
    """

    user: str
    uid: int
    login: str | None = None
    sudo: str | None = None
    tty: str | None = None
    ssh: str | None = None


class Intention(msgspec.Struct, frozen=True, kw_only=True):
    """What is about to be done of a plan, for whoever has to agree.

    ``writes`` in their order, ``files`` after them, or at ``keep`` where it is on trial (``trial_s``).
    ``already``: in force. ``by_hand``: manager and lines. ``drains``: filters, as text.
    """

    writes: tuple[str, ...]
    files: tuple[str, ...]
    already: tuple[str, ...]
    by_hand: tuple[tuple[str, tuple[str, ...]], ...]
    drains: tuple[str, ...]
    bystander: tuple[str, ...]
    trial_s: int | None
    lasting: bool

    @property
    def has_work(self) -> bool:
        return bool(self.writes or self.drains or self.files)


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One write. ``now``: what is there, None where nothing is or it was not looked."""

    title: str
    state: PartState
    holds: Holds = "unknown"
    now: str | None = None


class DrainedFile(msgspec.Struct, frozen=True, kw_only=True):
    """What a drain touched. ``put_back``: the command for it, None where its namespace is not found now."""

    file: str
    netns: str
    put_back: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """``title``: what its plan does. ``undone_at``: of a trial, when it goes unless it is kept.

    ``was_undone_at``: when the undo was through.
    """

    number: int
    at: datetime
    who: Who
    plan: str
    node: str
    title: str
    state: State
    holds: Holds
    lasting: bool
    persisted: bool
    undone_at: datetime | None = None
    was_undone_at: datetime | None = None
    why: str | None = None
    parts: tuple[Part, ...] = ()
    drained: int | None = None
    drained_file: str | None = None
    drained_files: tuple[DrainedFile, ...] = ()


class Changes(msgspec.Struct, frozen=True, kw_only=True):
    """Newest first. ``notes``: what was found overdue and finished, or could not be read."""

    schema: Literal["halftrack.changes/1"] = SCHEMA
    changes: tuple[Change, ...] = ()
    notes: tuple[str, ...] = ()

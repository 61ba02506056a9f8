"""What a plan did to a sample of its table, beside what it was predicted to do: ``fix --rehearse --json``.

Published as ``halftrack.rehearsal/1``: fields are added, never renamed or removed. Durations are seconds
(``_s``), times RFC 3339 in UTC. None: not known, or nothing of the kind was to be seen.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

SCHEMA: Final = "halftrack.rehearsal/1"

State = Literal["held", "in-force", "failed", "not-reached", "not-rehearsable"]
"""``in-force``: there was nothing left to do. ``not-reached``: one before it failed."""


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of one table. ``table``: in it when it was read; ``affected``: of the plan's services.

    ``entries`` and ``entries_affected``: those in the sample, which ``how`` tells. ``refused``: of them,
    how many the kernel did not take, by reason. ``room``: why they are fewer than usual; None: they are not.
    """

    netns: str
    table: int
    affected: int
    entries: int
    entries_affected: int
    refused: dict[str, int]
    how: str
    room: str | None = None


class Copied(msgspec.Struct, frozen=True, kw_only=True):
    """What of a namespace stood in its scratch one. ``settings``: how many; ``rules``: which tables.

    ``left``: what could not be copied, and why, a line each.
    """

    netns: str
    settings: int
    rules: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


class Foretold(msgspec.Struct, frozen=True, kw_only=True):
    """Of the plan. ``of_sample``: what ``entries_freed`` comes to for the sample."""

    entries_freed: int | None = None
    of_sample: int | None = None
    settles_at: int | None = None
    live_flows_affected: int | None = None


class Happened(msgspec.Struct, frozen=True, kw_only=True):
    """To the sample. ``entries_freed``: gone, or left no more than a drain leaves to the dead.

    ``entries_later``: left less, but long enough for what may live. ``others``: shortened though the step
    was not about them. ``cut``: open connections of the rehearsal that did not work any more after it.
    ``settles_at``: as predicted, but with the time that packets were seen to give an entry afterwards.
    """

    entries_freed: int
    entries_later: int
    others: int
    cut: int = 0
    settles_at: int | None = None
    seconds: float = 0.0


class RehearsedStep(msgspec.Struct, frozen=True, kw_only=True):
    """``did``: each write or drain, and how it ended. ``not_done``: parts that were not rehearsed, and why.

    ``agrees``: whether what happened is what was predicted, as far as a sample of this size can tell.
    """

    remedy: str
    title: str
    state: State
    why: str | None = None
    did: tuple[str, ...] = ()
    not_done: tuple[str, ...] = ()
    foretold: Foretold
    happened: Happened | None = None
    agrees: bool | None = None


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that a packet gave an entry, ``before`` the plan and ``after``; None: there was none.

    ``foretold``: what the plan says of ``after``; None: nothing, or that there will be no entry
    where ``untracked`` is set.
    """

    before: int | None = None
    after: int | None = None
    foretold: int | None = None
    untracked: bool = False
    agrees: bool | None = None


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A real one to a service. ``front``: what the client connects to, ``back``: where the service is.

    ``opened``: before the plan; None of the following where it was not, and ``why`` says so. ``still``: it
    worked after the plan, too. ``anew``: so did one that was opened then. ``kept``: the entry of a
    connection with data both ways; ``late``: that of a server's packet without a connection.
    """

    netns: str
    service: str
    front: str
    back: str
    client: str
    entries: int
    opened: bool
    still: bool | None = None
    anew: bool | None = None
    kept: Kept | None = None
    late: Kept | None = None
    why: str | None = None


class Cost(msgspec.Struct, frozen=True, kw_only=True):
    """``cpu_s``: of this process and the tools it ran. ``memory_bytes``: what this process grew by.

    ``kernel_bytes``: of the entries that were made, their extensions not counted; None: not known.
    """

    seconds: float
    cpu_s: float
    memory_bytes: int
    entries: int
    kernel_bytes: int | None = None


class Rehearsal(msgspec.Struct, frozen=True, kw_only=True):
    """``plan``: its id; ``plan_node``: the node it was made for.

    ``refused``: why ``fix`` would not begin on this node now. ``undone``: whether all that was written went
    back exactly; None where nothing was. ``holds``: nothing failed, was cut, or came otherwise than
    predicted; ``against``: what did, a line each.
    """

    schema: Literal["halftrack.rehearsal/1"] = SCHEMA
    node: str
    plan: str
    plan_node: str
    at: datetime | None
    holds: bool
    against: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    samples: tuple[Sample, ...] = ()
    copied: tuple[Copied, ...] = ()
    steps: tuple[RehearsedStep, ...] = ()
    connections: tuple[Connection, ...] = ()
    undone: bool | None = None
    notes: tuple[str, ...] = ()
    cost: Cost

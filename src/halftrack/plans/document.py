"""The plan as a value: what ``plan --json`` prints and ``fix`` reads, field for field.

Published as ``halftrack.plan/1``: fields are added, never renamed or removed. Durations are whole
seconds (``_s``), times RFC 3339 in UTC. None: not known.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from halftrack.diagnosis.document import Kind, Risk
from halftrack.plans.actions import Action

SCHEMA: Final = "halftrack.plan/1"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Entries of the table so many seconds after the step."""

    at_s: int
    entries: int


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    """``entries_freed``: at once. ``settles_at``: of the finding's entries, once each lives as now set.

    ``points``: the whole table over the coming hours and days, as far as this evidence tells.
    """

    entries_freed: int | None = None
    settles_at: int | None = None
    points: tuple[Point, ...] = ()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """``before``, ``after``, ``undo`` and ``verify`` say in words what ``actions`` do exactly.

    ``target``: the setting or service and its namespace. ``finding``: the id of what it is for.
    """

    remedy: str
    kind: Kind
    title: str
    target: str
    before: str
    after: str
    undo: str
    verify: str
    effect: Effect
    risk: Risk
    finding: str | None = None
    actions: tuple[Action, ...] = ()
    notes: tuple[str, ...] = ()


class NotChosen(msgspec.Struct, frozen=True, kw_only=True):
    """A remedy that this plan leaves out, and the one reason that decides."""

    remedy: str
    why: str
    service: str | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """``id``: of all the rest, so a changed plan is another one (``identified`` in this file).

    ``machine``: a digest of the node's machine id, None for a plan from a file. ``variables``:
    masked addresses of the source, name to how it was shown; each has to be filled in. ``complete``:
    nothing that might call for more was unseen.
    """

    schema: Literal["halftrack.plan/1"] = SCHEMA
    id: str = ""
    node: str
    machine: str | None = None
    kernel: str | None = None
    made_at: datetime | None = None
    taken_at: datetime | None = None
    source: Literal["live", "bundle", "sos", "dump"]
    complete: bool = True
    verdict: str = ""
    steps: tuple[Step, ...] = ()
    not_chosen: tuple[NotChosen, ...] = ()
    variables: dict[str, str] = {}
    notes: tuple[str, ...] = ()


def identified(plan: Plan) -> Plan:
    """The plan with its ``id`` worked out: eight hexadecimal digits of a digest of its content."""
    import hashlib  # noqa: PLC0415  # for those who make or check a plan only

    bare = msgspec.structs.replace(plan, id="")
    return msgspec.structs.replace(plan, id=hashlib.sha256(msgspec.json.encode(bare)).hexdigest()[:8])


def decode(data: bytes) -> Plan:
    """A plan from JSON. Raises msgspec.DecodeError where it is none, ValueError where its id is another's."""
    plan = msgspec.json.decode(data, type=Plan)
    if identified(plan).id != plan.id:
        raise ValueError("it was changed after it was made: its id is not that of its content")
    return plan

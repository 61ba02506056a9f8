"""An explained entry as a value: what ``list --explain --json`` prints, field for field.

Published as ``halftrack.entry/1``: fields are added, never renamed or removed. An end is ``orig`` (who
spoke first) or ``reply``. Durations are whole seconds. None: not known.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal

import msgspec

SCHEMA: Final = "halftrack.entry/1"

Way = Literal["handshake", "pick-up", "injected"]
End = Literal["orig", "reply"]
ENDS: Final[tuple[End, End]] = ("orig", "reply")
"""By direction, as ``tcp.table`` numbers them."""
Verdict = Literal["new", "established", "invalid", "untracked", "dropped"]


class _Value(msgspec.Struct, frozen=True):
    """Immutable; every struct below is built by keyword."""


class Packet(_Value, frozen=True, kw_only=True):
    """``kind``: slug of ``tcp.prospects``; of other protocols ``packet``, ``request``, ``answer``."""

    by: End
    kind: str


class Origin(_Value, frozen=True, kw_only=True):
    """A way into the table, whether this entry can have come by it, and why.

    ``history``: the fewest packets that lead to such an entry, where packets do.
    """

    origin: Way
    possible: bool
    why: str
    history: tuple[Packet, ...] | None = None


class Outcome(_Value, frozen=True, kw_only=True):
    """What a packet does. ``state``: afterwards; None: no entry is there, or its protocol has no states.

    ``event`` and ``rule``: slugs of ``tcp.rules``; ``why`` says both in words. ``verdict``: what rules see
    of the packet (``ct state``). ``timeout_s``: what the entry is given, None: it keeps what it had, or
    ``gone``. ``origins``: the ways into the table after which it is true. ``history``: of an entry that this
    one may be, where it decides between several outcomes.
    """

    event: str
    verdict: Verdict
    state: str | None
    seen_reply: bool
    assured: bool
    gone: bool
    timeout_s: int | None
    rule: str | None
    why: str
    origins: tuple[Way, ...] = ()
    history: tuple[Packet, ...] | None = None


class Prospect(_Value, frozen=True, kw_only=True):
    """``outcomes``: one, or as many as there are histories that end in different ones."""

    packet: Packet
    outcomes: tuple[Outcome, ...]


class Afterwards(_Value, frozen=True, kw_only=True):
    """What a packet of either end does once the entry is gone."""

    kind: str
    outcome: Outcome


class Explained(_Value, frozen=True, kw_only=True):
    """``entry``: as ``halftrack.entries/1`` has it; None where none matched. ``matching``: how many did.

    ``rules_of``: the kernel profile that decided. ``assumed``: settings that were not read, in seconds.
    ``waits_for``: packets that carry it on. ``goes_at``: when, if no packet comes.
    """

    schema: str = SCHEMA
    matching: int
    entry: dict[str, Any] | None = None
    kernel: str | None = None
    rules_of: str | None = None
    taken_at: datetime | None = None
    assumed: dict[str, int] = {}
    origins: tuple[Origin, ...] = ()
    waits_for: tuple[Packet, ...] = ()
    left_s: int | None = None
    goes_at: datetime | None = None
    next: tuple[Prospect, ...] = ()
    afterwards: tuple[Afterwards, ...] = ()
    notes: tuple[str, ...] = ()

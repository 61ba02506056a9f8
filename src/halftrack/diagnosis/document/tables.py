"""A table in numbers: what it holds, how it goes on, what its sockets, its log and whoever listened say."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from halftrack.diagnosis.document.groups import Group, OwnerName, Side
from halftrack.diagnosis.document.moments import Moment
from halftrack.diagnosis.document.remedies import Outcome

Shape = Literal["steady", "steps", "burst", "falling", "unknown"]


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """``full_at`` with its bounds is None where this evidence cannot tell; ``basis`` says on what it rests.

    ``low`` alone: it is not expected to fill, and at its fastest it would by then.

    ``told``: False where nobody can tell whether it fills; else without ``full_at`` that is not in sight.

    ``net_per_minute``: entries that stay, a minute. ``settles_at``: entries at which the growth
    meets the expiry under today's settings (rate times lifetime plus what is not stuck).
    """

    told: bool = True
    shape: Shape = "unknown"
    net_per_minute: float | None = None
    full_at: Moment | None = None
    low: Moment | None = None
    high: Moment | None = None
    settles_at: int | None = None
    basis: str


class Heard(msgspec.Struct, frozen=True, kw_only=True):
    """What was heard of the table for ``seconds``: entries that began, in mid-stream, and that ended.

    ``groups``: those that began in mid-stream, by service, direction and peer; ``rate_per_minute`` is
    how many of them came. ``overruns``: how often events were lost; then all of it is at least.
    """

    seconds: float
    new: int
    picked_up: int
    picked_up_peak_per_s: float
    destroyed: int
    overruns: int = 0
    unreadable: int = 0
    groups: tuple[Group, ...] = ()
    more_groups: int = 0


class Forgotten(msgspec.Struct, frozen=True, kw_only=True):
    """Connected sockets of ``netns`` that have no entry in the table, of one service and one outcome.

    ``quiet_…_s``: since when their peers were not heard. ``outcome``: of the next packet of each, by the
    rules of the table's namespace: ``picked-up-again``, ``dropped``, ``loses-translation`` or ``unclear``;
    ``by``: the rule that decides, quoted. ``example``: the quietest, this end first.
    """

    netns: str
    owner: OwnerName | None = None
    address: str
    service: str
    side: Side
    sockets: int
    peers: int
    quiet_min_s: int
    quiet_max_s: int
    example: str
    outcome: Outcome
    by: str | None = None


class Sides(msgspec.Struct, frozen=True, kw_only=True):
    """The sockets' view beside the table's: ``connected`` TCP sockets that were looked up in it.

    ``untold``: without an entry, and heard so lately that it may have come or gone while both were read;
    they are not among those ``without_entry``, of which ``groups`` are. ``outcomes``: of all of these.
    """

    connected: int
    with_entry: int
    without_entry: int
    untold: int = 0
    outcomes: dict[Outcome, int] = {}
    groups: tuple[Forgotten, ...] = ()
    more_groups: int = 0


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """What the kernel logged of packets dropped as the table was full: at least so many ``lines``.

    ``suppressed``: lines of the network's code, these or others, that were too many to be written. ``first``,
    ``last``: None where the log does not tell when. ``source``: file and line of the last one. ``certain``:
    whether it is told which table it was.
    """

    lines: int
    suppressed: int = 0
    first: datetime | None = None
    last: datetime | None = None
    source: str
    certain: bool = True


class TableSummary(msgspec.Struct, frozen=True, kw_only=True):
    """``sockets`` None: they were not compared: each had its entry at first sight, or not all was read.

    ``stuck``: the one-sided entries that stay for longer than minutes, and the orphaned ones.

    What is merely silent is not among them. None where the entries were not read.

    ``by_kind``: by protocol and then by ``answered``, ``one_sided``, ``half_open``, ``closing``, ``other``.
    """

    netns: str
    owner: OwnerName | None = None
    entries: int | None = None
    limit: int | None = None
    unlimited: bool = False
    buckets: int | None = None
    reclaimable: int | None = None
    expired: int | None = None
    effective_entries: int | None = None
    dropped: int | None = None
    dropped_early: int | None = None
    insert_failed: int | None = None
    invalid: int | None = None
    counters_over_s: int | None = None
    dropped_total: int | None = None
    dropped_early_total: int | None = None
    insert_failed_total: int | None = None
    by_protocol: dict[str, int] = {}
    by_state: dict[str, int] = {}
    by_kind: dict[str, dict[str, int]] = {}
    one_sided: int | None = None
    stuck: int | None = None
    read: bool = True
    forecast: Forecast | None = None
    heard: Heard | None = None
    sockets: Sides | None = None
    logged: Logged | None = None

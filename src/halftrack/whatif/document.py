"""The answer as a value: what ``whatif --json`` prints, field for field.

Published as ``halftrack.whatif/1``: fields are added, never renamed or removed. Durations are whole
seconds (``_s``) from the moment at which the table was seen. None: not known.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, Literal

import msgspec

from halftrack.diagnosis.document import LiveFlows

SCHEMA: Final = "halftrack.whatif/1"


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """Entries so many seconds on; ``low`` and ``high`` bound them by what the entries themselves show."""

    at_s: int
    entries: int | None
    low: int | None
    high: int | None


class Ahead(msgspec.Struct, frozen=True, kw_only=True):
    """How a table goes on. ``full_at_s``: when its limit is reached, with the earliest and the latest.

    None: not within twice the time that an entry is kept, or it has no limit, or nobody can tell; ``never``
    says that it will not as far as can be told. ``settles_at``: entries once nothing of today is left,
    ``settled_at_s``: from when on it is there.
    """

    points: tuple[Point, ...]
    full_at_s: int | None = None
    full_low_s: int | None = None
    full_high_s: int | None = None
    never_full: bool | None = None
    settles_at: int | None = None
    settles_low: int | None = None
    settles_high: int | None = None
    settled_at_s: int | None = None


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One value of a range: where the table settles, and its size at the horizon."""

    value: int
    settles_at: int | None
    low: int | None
    high: int | None
    at_horizon: int | None
    full_at_s: int | None
    live_flows_lost: int | None


class Sweep(msgspec.Struct, frozen=True, kw_only=True):
    """``knee``: the value beyond which more time buys ever more entries. None: the curve has none.

    ``cuts_none_from``: the lowest value of the range's span that cuts no live flow of this table.
    """

    setting: str
    tried: tuple[Tried, ...]
    knee: int | None = None
    cuts_none_from: int | None = None


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """``settings``: what is asked about, as it was understood. The fields of ``Ahead`` are for these.

    ``today``: the same as it is now. ``entries``: now. ``growth``: whether new entries were ``measured``
    between two moments, ``inferred`` from the times of one, or ``unknown``; ``basis`` says how, ``needs``
    what would tell more. ``live_flows_lost``: open connections that were silent for longer than they would be
    kept, or whose translation would end, and that may be cut by it; ``picked_up``: those that would get no
    entry again once theirs is lost, None where that is not asked or nobody can tell.
    """

    schema: Literal["halftrack.whatif/1"] = SCHEMA
    node: str
    netns: str
    kernel: str | None = None
    taken_at: datetime | None = None
    source: Literal["live", "bundle", "sos", "dump"]
    settings: dict[str, int | str]
    before: dict[str, int | None]
    horizon_s: int
    entries: int
    limit: int | None = None
    growth: Literal["measured", "inferred", "unknown"]
    basis: str
    points: tuple[Point, ...]
    full_at_s: int | None = None
    full_low_s: int | None = None
    full_high_s: int | None = None
    never_full: bool | None = None
    settles_at: int | None = None
    settles_low: int | None = None
    settles_high: int | None = None
    settled_at_s: int | None = None
    today: Ahead
    live_flows_lost: int | None = None
    live_flows: tuple[LiveFlows, ...] = ()
    picked_up: int | None = None
    sweep: Sweep | None = None
    assumed: dict[str, str] = {}
    needs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

"""What drains of ours took from entries that are still there: the files that they kept tell it of each.

A drain gives an entry less time without any packet, so that what it has left tells a silence that is not
true. What it had right before is in the file of the drain.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack import formats
from halftrack.changes import records
from halftrack.diagnosis.since.names import Names, pairs
from halftrack.draining.fates import Fate, seconds
from halftrack.errors import HalftrackError
from halftrack.evidence.flows import FlowTable
from halftrack.evidence.values import HOST
from halftrack.plans.actions import Drain

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halftrack.changes.records import Record
    from halftrack.evidence.values import Table
    from halftrack.plans.actions import Where

_SLACK_S: Final = 2.0
"""By so much the moments of a journal and an entry's whole seconds may differ."""


@dataclass(frozen=True, slots=True)
class Drained:
    """Entries that were given one of these ``seconds`` between two moments. ``file``: as they were before."""

    where: Where
    seconds: tuple[int, ...]
    begun: datetime
    ended: datetime
    file: str

    def over(self, now: datetime) -> bool:
        """Whether the last of them is gone, or was heard again."""
        return self.ended + timedelta(seconds=max(self.seconds)) < now

    def is_in(self, table: Table) -> bool:
        """Whether it was this table that was drained."""
        if self.where.netns == HOST:
            return table.namespace.name == HOST
        return self.where.inode is not None and table.namespace.inode == self.where.inode


def drains(told: Sequence[Record]) -> Iterator[Drained]:
    """Of one change, as its journal tells them: those that are done, and gave entries less time."""
    plan = next((one.plan for one in told if isinstance(one, records.Begun)), None)
    begun = {(one.step, one.action): one.at for one in told if isinstance(one, records.Draining)}
    for one in told:
        if plan is None or not isinstance(one, records.Drained) or one.file is None:
            continue
        step = plan.steps[one.step] if 0 <= one.step < len(plan.steps) else None
        action = step.actions[one.action] if step and 0 <= one.action < len(step.actions) else None
        since = begun.get((one.step, one.action))
        if isinstance(action, Drain) and action.mode == "retime" and since is not None:
            left = {seconds(fate, action.seconds) for fate in (Fate.DEAD, Fate.MAY_LIVE)}
            yield Drained(action.where, tuple(sorted(left)), since, one.at, one.file)


def with_drained(table: Table, told: Iterable[Drained], now: datetime, read_s: float) -> Table:
    """The table, with what was taken from its entries. ``told``: newest first; ``read_s``: how long reading
    the entries took.
    """
    flows = table.flows
    if flows is None or table.skipped:
        return table
    for one in told:
        if one.is_in(table) and not one.over(now):
            flows = _with(flows, one, now, _SLACK_S + read_s)
    return table if flows is table.flows else replace(table, flows=flows)


def _with(flows: FlowTable, one: Drained, now: datetime, slack_s: float) -> FlowTable:
    """With what this drain took, beside what later ones did."""
    later = flows.drained
    left = flows.frame["timeout"] if later is None else flows.frame["timeout"] + later["taken_s"]
    least_s, most_s = ((now - each).total_seconds() for each in (one.ended, one.begun))
    fits = [
        pl.col("left").is_between(each - most_s - slack_s, each - least_s + slack_s) for each in one.seconds
    ]
    # One that fits several was given one of them, and nobody knows which.
    given = pl.coalesce(pl.when(fit).then(each) for fit, each in zip(fits, one.seconds, strict=True))
    told = left.alias("left").to_frame()
    told = told.select("left", given=pl.when(pl.sum_horizontal(fits) == 1).then(given))
    rows = told["given"].is_not_null().arg_true()
    before = _kept(one.file) if len(rows) else None
    if before is None:
        return flows
    same = pairs(Names.of(before), Names.of(FlowTable(flows.frame[rows], flows.opaque)))
    rows = rows.gather(pl.Series(same.now, dtype=pl.UInt32))
    had = before.frame["timeout"].gather(pl.Series(same.then, dtype=pl.UInt32))
    taken, ago = had - told["given"].gather(rows), (told["given"] - told["left"]).gather(rows)
    less = (taken > 0).fill_null(value=False)
    rows, taken, ago = rows.filter(less), taken.filter(less), ago.filter(less).clip(lower_bound=0)
    if rows.is_empty():
        return flows
    taken_s, ago_s = _spread(taken, rows, len(flows)), _spread(ago, rows, len(flows))
    if later is not None:
        # Of several drains the last one counts for when it was: since then nothing came.
        ago_s = later["ago_s"].zip_with(later["taken_s"] > 0, ago_s)
        taken_s += later["taken_s"]
    return replace(flows, drained=pl.DataFrame({"taken_s": taken_s, "ago_s": ago_s}))


def _spread(values: pl.Series, rows: pl.Series, height: int) -> pl.Series:
    """The values in these rows, and 0 in all others."""
    return pl.repeat(0, height, dtype=pl.Int64, eager=True).scatter(rows, values)


def _kept(file: str) -> FlowTable | None:
    """As they were; None where that cannot be read any more."""
    try:
        [table] = formats.read((file,)).tables
    except (HalftrackError, OSError, ValueError):
        return None
    return table.flows

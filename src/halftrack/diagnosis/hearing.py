"""What was heard while somebody listened, by service, direction and peer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import polars as pl

from halftrack.diagnosis import grouping
from halftrack.diagnosis.document import Heard
from halftrack.diagnosis.rows import MarkedRows
from halftrack.diagnosis.view import view

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Group
    from halftrack.diagnosis.view import View
    from halftrack.evidence.values import Evidence, Table


def heard(table: Table, evidence: Evidence) -> Heard | None:
    """None where nobody listened. The groups are of those pick-ups that were kept."""
    events = table.events
    if events is None:
        return None
    groups, more = _groups(picked_up(table, evidence), events.seconds)
    return Heard(
        seconds=events.seconds,
        new=events.new,
        picked_up=events.picked_up,
        picked_up_peak_per_s=events.peak_per_s,
        destroyed=events.destroyed,
        overruns=events.overruns,
        unreadable=events.unreadable,
        groups=groups,
        more_groups=more,
    )


def picked_up(table: Table, evidence: Evidence) -> View:
    """The entries that were heard to begin in mid-stream, as if they were the table."""
    if table.events is None:
        return view(replace(table, flows=None), evidence)
    of_events = replace(table, flows=table.events.pick_ups)
    tables = tuple(of_events if one is table else one for one in evidence.tables)
    return view(of_events, replace(evidence, tables=tables))


def _groups(seen: View, seconds: float) -> tuple[tuple[Group, ...], int]:
    every = pl.repeat(value=True, n=seen.flows.height, dtype=pl.Boolean, eager=True)
    groups, more = grouping.groups(MarkedRows.of(seen.flows, every), seen)
    return tuple(
        msgspec.structs.replace(
            group,
            idle_min_s=None,
            idle_max_s=None,
            rate_per_minute=round(group.entries * 60 / seconds, 1) if seconds else None,
        )
        for group in groups
    ), more

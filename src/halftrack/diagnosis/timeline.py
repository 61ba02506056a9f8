"""When entries were last heard, or made: counts per bucket out of one dump.

An entry's remaining time is a clock: ``idle = timeout at its last packet - remaining`` (the view
computes it). Where the kernel stamped every entry (``nf_conntrack_timestamp``), the stamps are
used instead: they do not depend on which timeout was in force.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import polars as pl

from halftrack.diagnosis import entries
from halftrack.diagnosis.document import Timeline

if TYPE_CHECKING:
    from halftrack.diagnosis.rows import MarkedRows
    from halftrack.diagnosis.view import View

Ages: TypeAlias = npt.NDArray[np.int64]
"""Seconds before the dump, one per entry, none negative."""

MAX_BUCKETS: Final = 48
"""As many as one line of a terminal can draw."""
_BUCKETS_S: Final = (1, 2, 5, 10, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400)
_DAY_S: Final = 86400
_OLDEST_S: Final = 10 * 366 * _DAY_S
"""No entry is believed to be older. From packet to packet the kernel keeps one for at most INT_MAX
jiffies (248 days at HZ=100); a number far above that comes from a damaged file."""
_STRAYS: Final = 0.01
"""Share of the entries that may lie before the drawn time where the rest is much younger."""
_MUCH: Final = 4
_YOUNG_S: Final = 10
BEFORE_BOOT: Final = (
    "some seem to be older than this node's last boot: a timeout was raised since they were made, or they"
    " were injected"
)
_CLAMPED_S: Final = 300
"""The kernel's default for opened connections that it keeps short (UNACK, RETRANS)."""


def timeline(rows: MarkedRows, view: View) -> Timeline | None:
    """Counts per bucket from the oldest entry to the moment of the dump, empty buckets included.

    ``rows`` has the view's columns ``idle_s``, ``age_s``, ``timeout``, ``status``. At most
    ``MAX_BUCKETS`` buckets, beginning at round times of UTC. None where no entry has a clock.
    """
    if rows.height and not rows.column("age_s").null_count():
        return made(rows, view)
    return heard(rows, view)


def heard(rows: MarkedRows, view: View) -> Timeline | None:
    """The timeline on the timeout clock: when each entry saw its last packet."""
    clock = _Clock.read(rows, "idle_s")
    if clock is None:
        return None
    return clock.draw("timeout", view, _doubts_of_heard(rows, view))


def made(rows: MarkedRows, view: View) -> Timeline | None:
    """The timeline on the timestamp clock: when each entry was created."""
    clock = _Clock.read(rows, "age_s")
    if clock is None:
        return None
    return clock.draw("timestamp", view, ("shows when entries were made, not last heard",))


def ages(rows: MarkedRows, column: str) -> Ages:
    """The credible ages of a column; entries without one are left out."""
    values: Ages = rows.column(column).drop_nulls().to_numpy().astype(np.int64, copy=False)
    if values.size and (values.min() < 0 or values.max() > _OLDEST_S):
        values = np.maximum(values[values <= _OLDEST_S], 0)
    return values


@dataclass(frozen=True, slots=True)
class _Clock:
    ages: Ages
    unread: int
    """Entries whose clock is not known or not credible."""
    strays: int
    """Entries far older than the rest, before the drawn time."""
    span_s: int
    """The oldest age drawn."""

    @classmethod
    def read(cls, rows: MarkedRows, column: str) -> _Clock | None:
        known = ages(rows, column)
        if not known.size:
            return None
        unread = rows.height - known.size
        oldest = int(known.max())
        typical = _without_strays(known, oldest)
        if oldest < _MUCH * (typical + _YOUNG_S):
            return cls(known, unread, 0, oldest)
        young = known[known <= typical]
        return cls(young, unread, known.size - young.size, int(young.max()))

    def draw(self, kind: Literal["timeout", "timestamp"], view: View, doubts: tuple[str, ...]) -> Timeline:
        taken_at = view.evidence.taken_at
        end = int(taken_at.timestamp()) if taken_at else None
        bucket_s = _bucket_s(self.span_s)
        # Without a date the last bucket ends with the dump: the moment counts as a round time.
        now = bucket_s - 1 if end is None else end
        first = (now - self.span_s) // bucket_s
        counts = np.bincount((now - self.ages) // bucket_s - first, minlength=now // bucket_s - first + 1)
        return Timeline(
            clock=kind,
            bucket_s=bucket_s,
            start=None if end is None else datetime.fromtimestamp(first * bucket_s, UTC),
            entries=tuple(counts.tolist()),
            caveats=(*doubts, *self._doubts(kind, view)),
        )

    def _doubts(self, kind: str, view: View) -> tuple[str, ...]:
        total = self.ages.size + self.unread + self.strays
        doubts = []
        if self.unread and kind == "timeout":
            doubts.append(
                f"{self.unread:,} of {total:,} entries are not in it: offloaded, or with more time left "
                "than today's settings give (changed since, set by a policy, or injected)"
            )
        elif self.unread:
            doubts.append(f"{self.unread:,} of {total:,} entries are not in it: they bear no time stamp")
        if self.strays:
            doubts.append(f"{self.strays:,} of {total:,} entries are far older and not in it")
        if view.evidence.taken_at is None:
            doubts.append("the dump bears no date: times count back from the moment it was taken")
        if view.evidence.input.truncated:
            doubts.append("the dump is cut short: counts are at least")
        return tuple(doubts)


def before_boot(idle_s: int | None, view: View) -> bool:
    """Whether an entry seems to have been last heard when this node was not up yet."""
    up_s = view.evidence.up_s
    return idle_s is not None and up_s is not None and idle_s > up_s


def _without_strays(known: Ages, oldest: int) -> int:
    """The age that all but the strays stay below, to a thousandth of the oldest."""
    step = oldest // 1000 + 1
    upto = np.cumsum(np.bincount(known // step))
    return int(np.searchsorted(upto, (1 - _STRAYS) * known.size) + 1) * step - 1


def _bucket_s(span_s: int) -> int:
    # An aligned timeline has a part of a bucket at each end.
    for bucket_s in _BUCKETS_S:
        if span_s // bucket_s + 2 <= MAX_BUCKETS:
            return bucket_s
    return _DAY_S * (span_s // (_DAY_S * (MAX_BUCKETS - 2)) + 1)


def _doubts_of_heard(rows: MarkedRows, view: View) -> tuple[str, ...]:
    longest, lifetime, answered = rows.select(
        pl.col("idle_s").max().alias("longest"),
        (pl.col("idle_s") + pl.col("timeout")).max(),
        entries.answered().any().alias("answered"),
    ).row(0)
    doubts = []
    if view.retimed and (longer := rows.count(pl.col("idle_at_least"))):
        doubts.append(
            f"{longer:,} of {rows.height:,} entries may have been silent for longer: a timeout was another"
            " one before"
        )
    if not view.table.settings:
        doubts.append("no timeout settings were read: the kernel's defaults are assumed")
    if before_boot(longest, view):
        doubts.append(BEFORE_BOOT)
    if lifetime is not None and lifetime <= _CLAMPED_S:
        doubts.append(f"shows the last {lifetime} s only: the kernel keeps these entries no longer")
    elif answered:
        doubts.append("shows each entry's last packet: what spoke again since has left its place")
    return tuple(doubts)

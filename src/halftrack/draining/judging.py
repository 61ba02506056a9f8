"""The fate of every entry that a filter takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from halftrack.diagnosis.entries import unfinished
from halftrack.diagnosis.symptoms import sockets
from halftrack.draining.fates import CHANGED, Fate, Wish, seconds
from halftrack.evidence import uapi
from halftrack.evidence.flows import select
from halftrack.evidence.sysctls import PREFIX

if TYPE_CHECKING:
    from halftrack.diagnosis.view import View


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What bears on entries and is not in the table.

    ``unmissed``: Boolean, one per row of the view: no rule would miss it if it went; None: nobody
    could tell. ``traffic``: Boolean likewise: rows of findings in which one direction takes another
    way. ``passed_on``: the kernel itself hands on what comes in for some local addresses (IPVS), so
    that a missing socket proves nothing of what arrives.
    """

    unmissed: pl.Series | None = None
    traffic: pl.Series | None = None
    passed_on: bool = False


@dataclass(frozen=True, slots=True)
class Judgement:
    """``fates``: UInt8, one per row of the view, null where the filter does not take it."""

    view: View
    fates: pl.Series
    wish: Wish

    def counts(self) -> Mapping[Fate, int]:
        """Entries by fate, those that there are none of left out, in the order of ``Fate``."""
        found = Counter(dict(self.fates.drop_nulls().value_counts().iter_rows()))
        return {fate: found[fate] for fate in Fate if found[fate]}

    @property
    def matching(self) -> int:
        """Entries that the filter takes."""
        return len(self.fates) - self.fates.null_count()

    @property
    def changed(self) -> int:
        """Entries that would be given less time or removed."""
        return sum(number for fate, number in self.counts().items() if fate.changed)

    @property
    def assured(self) -> int:
        """Those of them that are assured."""
        bits = self.view.flows.filter(self.fates <= Fate.MAY_LIVE)["status"]
        return int((bits & uapi.IPS_ASSURED != 0).sum())

    @property
    def share(self) -> float:
        """Of the table's entries, those that would be changed."""
        return self.changed / max(self.view.table.count or 0, self.view.flows.height, 1)

    def rows(self, fate: Fate) -> pl.DataFrame:
        """The entries of one fate, with the columns of the view."""
        return self.view.flows.filter((self.fates == fate).fill_null(value=False))

    def seconds(self, fate: Fate) -> int:
        return seconds(fate, self.wish.seconds)


def judge(view: View, matching: pl.Series, wish: Wish, around: Surroundings) -> Judgement:
    """``matching``: Boolean, one per row of the view: whether the filter takes it."""
    dead = _dead_rows(view, matching, around)
    flows = view.flows.lazy().select("l4proto", "state", "status", "timeout", "one_sided")
    marks = pl.DataFrame(
        {
            "dead": dead,
            "unmissed": _marked(around.unmissed, view),
            "traffic": _marked(around.traffic, view),
        }
    )
    strict = view.table.settings.get(f"{PREFIX}tcp_loose") == "0"
    kind = (
        pl.when(pl.col("dead"))
        .then(Fate.DEAD)
        .when(pl.col("one_sided") & pl.col("traffic"))
        .then(Fate.TRAFFIC)
        .when(pl.col("one_sided") & pl.lit(strict))
        .then(Fate.STRICT)
        .when(pl.col("one_sided") & pl.col("unmissed"))
        .then(Fate.UNANSWERED)
        .otherwise(Fate.MAY_LIVE)
        .cast(pl.UInt8)
    )
    chosen = pl.concat([flows.collect(), marks], how="horizontal").with_columns(kind.alias("kind"))
    fates = chosen.select(_left_alone(wish).alias("fate"))["fate"]
    none = pl.Series([None], dtype=pl.UInt8)
    return Judgement(view, fates.zip_with(matching, none), wish)


def _left_alone(wish: Wish) -> pl.Expr:
    """The fate, given the kind: what must or need not be changed is left alone, whatever it is."""
    status = pl.col("status")
    floors = {int(fate): seconds(fate, wish.seconds) for fate in CHANGED}
    floor = pl.col("kind").replace_strict(floors, default=None, return_dtype=pl.Int64)
    unproven = pl.col("kind").is_between(Fate.UNANSWERED, Fate.MAY_LIVE)
    if wish.mode == "delete":
        last = pl.when(unproven).then(Fate.NOT_PROVEN).otherwise(pl.col("kind"))
    else:
        last = pl.when(pl.col("timeout") <= floor).then(Fate.SHORT).otherwise(pl.col("kind"))
    return (
        pl.when(status & uapi.IPS_DYING != 0)
        .then(Fate.DYING)
        .when((status & uapi.IPS_OFFLOAD_MASK != 0) | pl.col("timeout").is_null())
        .then(Fate.OFFLOADED)
        .when(status & uapi.IPS_FIXED_TIMEOUT != 0)
        .then(Fate.FIXED)
        .when(unfinished().fill_null(value=False))
        .then(Fate.HANDSHAKE)
        .otherwise(last)
        .cast(pl.UInt8)
    )


def _dead_rows(view: View, candidates: pl.Series, around: Surroundings) -> pl.Series:
    """Boolean, one per row of the view: TCP, and its owner's namespace was read and has no socket for it."""
    sure = _provable(around)
    asked = candidates & select(view.flows, sure.fill_null(value=False).alias("sure"))["sure"]
    if around.traffic is not None:
        # Where one direction takes another way, only who sends is certain to have a socket here.
        asked &= view.flows["local_src"] | ~around.traffic
    missing = sockets.missing(view, asked)
    return _marked(missing, view)


def _provable(around: Surroundings) -> pl.Expr:
    tcp = pl.col("l4proto") == uapi.IPPROTO_TCP
    return tcp & pl.col("local_src") if around.passed_on else tcp


def _marked(marks: pl.Series | None, view: View) -> pl.Series:
    if marks is None:
        return pl.repeat(value=False, n=view.flows.height, dtype=pl.Boolean, eager=True)
    return marks

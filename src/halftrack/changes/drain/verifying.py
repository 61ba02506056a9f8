"""Looking again at what was drained: does it hold, and was none hit that woke up at that moment.

Between the last look at an entry and its change lie milliseconds in which a connection can begin
anew with the same addresses and ports. A packet that comes after the change gives its entry the
whole time again by itself; one that came in between shows in the entry or as a socket now, and the
entry is given back what it had. Of what was removed nothing can be given back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.changes.drain import rereading
from halftrack.diagnosis import filters
from halftrack.draining.fates import MAY_LIVE_S, Fate
from halftrack.draining.finding import Index
from halftrack.evidence.flows import SCHEMA

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import numpy.typing as npt

    from halftrack.changes.drain.entries import Entries
    from halftrack.changes.drain.proofs import Proofs
    from halftrack.changes.drain.rereading import Again
    from halftrack.diagnosis.filters import Filter
    from halftrack.diagnosis.view import View
    from halftrack.draining.outcome import Outcome

SHOWN: Final = ("status", "state", "timeout")
"""Columns that are looked at."""
_NOTHING: Final = pl.DataFrame(
    schema={**{f"now_{name}": SCHEMA[name] for name in SHOWN}, "row": pl.get_index_type()}
)


@dataclass(frozen=True, slots=True)
class Done:
    """A batch that was changed: ``rows`` of the view, left ``given`` seconds each; 0: removed.

    ``at_s``: monotonic, by when all of them were.
    ``sure``: the kernel said of each that it was removed; what is there now is another entry.
    """

    rows: pl.Series
    fate: Fate
    given: int
    at_s: float
    sure: bool = False


@dataclass(frozen=True, slots=True)
class Verifier:
    """Call it with what was changed; it counts in ``outcome`` what became of that."""

    view: View
    wanted: Filter
    netns_path: str | None
    entries: Entries
    proofs: Proofs
    outcome: Outcome

    def __call__(self, done: Sequence[Done], seen: Iterable[Again] = ()) -> None:
        """``seen``: entries that were read again by now, each at most once.

        Raises OSError, PermissionMissing where the entries could not be read.
        """
        changed = self._changed(done)
        now = [
            again.now.select(pl.col(name).alias(f"now_{name}") for name in SHOWN).with_columns(
                again.rows.alias("row")
            )
            for again in self._read_again(changed["row"], done, seen)
        ]
        joined = changed.join(pl.concat([_NOTHING, *now]), on="row", how="left")
        more = joined["now_timeout"] > joined["given"]
        self.outcome.restored = (self.outcome.restored or 0) + int(more.sum())
        self.outcome.went = (self.outcome.went or 0) + joined["now_timeout"].null_count()
        short = joined.filter(~more & (joined["given"] > 0))
        hit = pl.concat([self._woken(short), self._alive(short)]).unique()
        for rows in hit.partition_by("timeout"):
            seconds = max(rows["timeout"][0], MAY_LIVE_S)
            refused = self.entries.retime(self.view.flows[rows["row"]], seconds)
            self.outcome.healed += rows.height - sum(refused.values())

    def _read_again(self, rows: pl.Series, done: Sequence[Done], seen: Iterable[Again]) -> Iterator[Again]:
        """All of them that are there: those by name that were in no dump since they were changed."""
        flows, left = self.view.flows, _Left(rows)
        yield from left.since_changed(seen, done, flows.height)
        narrow = filters.selection(self.wanted)
        # Whose status or mark is another one by now only a wider dump shows.
        wide = replace(narrow, status=0, status_mask=0, mark=0, mark_mask=0)
        asked = {narrow: flows.height, wide: max(self.view.table.count or 0, flows.height)}
        removed = not any(each.given for each in done)
        if removed:
            # Few are left that either would show: of those that are surely gone, what came anew.
            asked = {narrow if all(each.sure for each in done) else wide: 0}
        for selection, dumped in asked.items():
            if rereading.worth_a_dump(len(left.rows), dumped):
                index = Index(flows, left.rows)
                yield from left.without(rereading.in_a_dump(index, selection, SHOWN, self.netns_path))
                if removed:
                    return
        yield from rereading.by_name(flows, [left.rows], self.entries)

    def _changed(self, done: Sequence[Done]) -> pl.DataFrame:
        return pl.concat(
            self.view.flows[list(SHOWN)][each.rows].with_columns(
                each.rows.alias("row"),
                pl.lit(each.given, pl.Int64).alias("given"),
                pl.lit(int(each.fate), pl.UInt8).alias("fate"),
            )
            for each in done
        )

    def _woken(self, short: pl.DataFrame) -> pl.DataFrame:
        """Those that are not in the state any more in which they were judged."""
        changed = pl.col("now_status").ne_missing(pl.col("status")) | pl.col("now_state").ne_missing(
            pl.col("state")
        )
        return short.filter(changed).select("row", "timeout")

    def _alive(self, short: pl.DataFrame) -> pl.DataFrame:
        """Those that were dead and of which that cannot be said any more."""
        dead = short.filter(pl.col("fate") == Fate.DEAD).select("row", "timeout")
        if dead.is_empty():
            return dead
        self.proofs.refresh(always=True)
        return dead.filter(~self.proofs.dead(self.view.flows[dead["row"]]))


class _Left:
    """Rows that were changed and not been read again yet."""

    def __init__(self, rows: pl.Series) -> None:
        self.rows = rows

    def without(self, found: Iterable[Again]) -> Iterator[Again]:
        """The same, while these rows are taken away."""
        met = [self.rows.clear()]
        for again in found:
            met.append(again.rows)
            yield again
        self.rows = self.rows.filter(~self.rows.is_in(pl.concat(met).implode()))

    def since_changed(self, seen: Iterable[Again], done: Sequence[Done], height: int) -> Iterator[Again]:
        """Of what was seen, in a view of so many rows, that which was changed by then."""
        changed_s = np.full(height, np.inf)
        for each in done:
            changed_s[each.rows.to_numpy()] = each.at_s
        return self.without(_only(again, changed_s) for again in seen)


def _only(again: Again, changed_s: npt.NDArray[np.float64]) -> Again:
    since = pl.Series(changed_s[again.rows.to_numpy()] < again.since_s)
    return replace(again, rows=again.rows.filter(since), now=again.now.filter(since))

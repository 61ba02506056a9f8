"""Draining in batches: read again, compare, ask the sockets again, keep on disk, then change."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.changes.drain import rereading
from halftrack.changes.drain.behind import Behind
from halftrack.changes.drain.changing import GOING_S
from halftrack.changes.drain.rereading import Again
from halftrack.draining.fates import CHANGED, Fate
from halftrack.draining.outcome import Outcome
from halftrack.draining.still import unchanged
from halftrack.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Sequence

    from halftrack.changes.drain.changing import Changing
    from halftrack.changes.drain.entries import Entries
    from halftrack.changes.drain.following import Follower
    from halftrack.changes.drain.kept import Kept
    from halftrack.changes.drain.looking import Looked
    from halftrack.changes.drain.proofs import Proofs
    from halftrack.changes.drain.reins import Reins
    from halftrack.changes.drain.verifying import Done

_STALE_S: Final = 1.0
_TRIES: Final = 3
_STEP: Final = 2_000
"""Entries that even a slow machine reads and changes within ``_STALE_S``."""
_TICK_S: Final = 0.1
_CHECK_S: Final = 15.0
"""Far below the least that an entry is left: one that was hit while it woke up is helped in time."""


@dataclass(frozen=True, slots=True)
class Drain:
    """One drain under way. ``columns``: that have to be what they were
    (``still.compared``). ``first``: a dump that takes in what is to be changed; None: entries are read
    again by name, ``batch`` at a time. ``second``: one that takes in what was changed; None: there is
    none. ``told``: called with the entries seen to, after every batch.

    While a batch is changed, the next one is read and kept.
    """

    looked: Looked
    columns: Sequence[str]
    entries: Entries
    proofs: Proofs
    kept: Kept
    reins: Reins
    batch: int
    told: Callable[[int], None]
    change: Changing
    check: Callable[[Sequence[Done], Iterable[Again]], None]
    """Looks at what was changed since the last time: at the end, and every ``_CHECK_S``."""
    first: Iterable[Again] | None = None
    second: Follower | None = None

    def run(self, outcome: Outcome) -> None:
        """All batches, unless somebody stops it. What was done is counted as it is done."""
        total = outcome.not_reached = self.looked.judgement.changed
        checked_s = time.monotonic()

        def seen_to(came: Outcome) -> None:
            outcome.add(came)
            self.told(total - outcome.not_reached)

        try:
            with Behind(seen_to) as behind, contextlib.closing(self._read_again()) as batches:
                for again in batches:
                    if self.reins.stopped:
                        break
                    self._batch(again, seen_to, behind)
                    if self.second is not None:
                        self.second.follow(total - outcome.not_reached)
                    if time.monotonic() - checked_s > _CHECK_S:
                        behind.wait()
                        self._look_again()
                        checked_s = time.monotonic()
                    self.reins.border(len(again.rows))
            if self.second is not None and not self.reins.stopped:
                self.second.rest()
        finally:
            outcome.stopped = self.reins.stopped and outcome.not_reached > 0
            self._look_again()

    def _read_again(self) -> Generator[Again]:
        """The entries to be changed, in batches, what is surely dead first; in a dump as they come."""
        judgement = self.looked.judgement
        flows = judgement.view.flows
        groups = [(judgement.fates == fate).fill_null(value=False) for fate in CHANGED]
        if self.first is not None:
            left = np.ones(flows.height, np.bool_)
            for again in self.first:
                left[again.rows.to_numpy()] = False
                yield again
            groups = [group & pl.Series(left) for group in groups]
        yield from rereading.by_name(flows, (group.arg_true() for group in groups), self.entries, self.batch)

    def _look_again(self) -> None:
        done = self.change.done
        if done:
            if self.change.deleting and any(each.given for each in done):
                time.sleep(GOING_S + _TICK_S)
            self.check(done, () if self.second is None else self.second.taken())
            done.clear()

    def _batch(self, again: Again, seen_to: Callable[[Outcome], None], behind: Behind[Outcome]) -> None:
        found = Outcome(not_reached=-len(again.rows))
        left = self._checked(self._part(again.rows), again, found)
        if left.is_empty():
            seen_to(found)
            return
        self.kept.add(left)
        behind.wait()
        if time.monotonic() - again.since_s <= _STALE_S:
            behind.do(lambda: self.change(left, found))
            return
        # The disk was slow, or the machine is, or the process was stopped: in small steps, then.
        for part in left.iter_slices(_STEP):
            self.change(self._fresh(part, found), found)
        seen_to(found)

    def _fresh(self, part: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
        """Those of the part that may be changed now. Raises Busy."""
        for _ in range(_TRIES):
            since_s = time.monotonic()
            now = Again(part["row"], self.entries.again(part), since_s)
            part = self._checked(part, now, outcome)
            if time.monotonic() - since_s <= _STALE_S:
                return part
        raise Busy("this machine is too slow just now to act on what it reads")

    def _part(self, rows: pl.Series) -> pl.DataFrame:
        """These rows of the view, and their number, fate and what they are to be left, in seconds."""
        judgement = self.looked.judgement
        fates = judgement.fates[rows]
        given = fates.replace_strict(
            {fate: self.change.given(fate) for fate in CHANGED}, return_dtype=pl.Int64
        )
        return judgement.view.flows[rows].with_columns(
            rows.alias("row"), fates.alias("fate"), given.alias("given")
        )

    def _checked(self, part: pl.DataFrame, again: Again, outcome: Outcome) -> pl.DataFrame:
        """Of a batch, the entries that may be changed at this moment.

        The sockets come last: who opens a connection after its entry was read again is seen there.
        """
        now = again.now
        there = now["id"].is_not_null()
        same = unchanged(part, now, again.since_s - self.looked.read_at_s, self.columns)
        longer = same
        if not self.change.deleting:
            longer = same & (now["timeout"] > part["given"]).fill_null(value=False)
        outcome.gone += int((~there).sum())
        outcome.spoke += int((there & ~same).sum())
        outcome.short += int((same & ~longer).sum())
        left = part.filter(longer)
        dead = left["fate"] == Fate.DEAD
        if not dead.any():
            return left
        self.proofs.refresh(always=self.change.deleting)
        proven = ~dead | self.proofs.dead(left)
        outcome.unproven += int((~proven).sum())
        return left.filter(proven)

"""Draining in batches: read again, compare, ask the sockets again, keep on disk, then change."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.changes.drain.verifying import Done
from halftrack.draining.fates import MAY_LIVE_S, Fate
from halftrack.draining.still import unchanged
from halftrack.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from halftrack.changes.drain.entries import Entries
    from halftrack.changes.drain.kept import Kept
    from halftrack.changes.drain.looking import Looked
    from halftrack.changes.drain.proofs import Proofs
    from halftrack.changes.drain.reins import Reins
    from halftrack.draining.outcome import Outcome

_ORDER: Final = (Fate.DEAD, Fate.UNANSWERED, Fate.MAY_LIVE)
_STALE_S: Final = 1.0
_TRIES: Final = 3
GOING_S: Final = 2
"""What is removed is left so long: whoever turns out to have woken up in that very moment gets it back."""
_TICK_S: Final = 0.1
_CHECK_S: Final = 15.0
"""Far below the least that an entry is left: one that was hit while it woke up is helped in time."""


@dataclass(frozen=True, slots=True)
class Drain:
    """One drain under way. ``columns``: that have to be what they were
    (``still.compared``). ``told``: called with the entries seen to, after every batch."""

    looked: Looked
    columns: Sequence[str]
    entries: Entries
    proofs: Proofs
    kept: Kept
    reins: Reins
    batch: int
    told: Callable[[int], None]
    check: Callable[[Sequence[Done]], None]
    """Looks at what was changed since the last time: at the end, and every ``_CHECK_S``."""
    _done: list[Done] = field(default_factory=list)

    def run(self, outcome: Outcome) -> None:
        """All batches, unless somebody stops it. What was done is counted as it is done."""
        total = outcome.not_reached = self.looked.judgement.changed
        checked_s = time.monotonic()
        try:
            for part, fate in self._parts():
                if self.reins.stopped:
                    break
                self._batch(part, fate, outcome)
                outcome.not_reached -= part.height
                self.told(total - outcome.not_reached)
                if time.monotonic() - checked_s > _CHECK_S:
                    self._look_again()
                    checked_s = time.monotonic()
                self.reins.border(part.height)
        finally:
            outcome.stopped = self.reins.stopped and outcome.not_reached > 0
            self._look_again()

    def _parts(self) -> Iterator[tuple[pl.DataFrame, Fate]]:
        """The entries to be changed, in batches; column ``row``: their number in the view."""
        judgement = self.looked.judgement
        flows = judgement.view.flows
        for fate in _ORDER:
            rows = (judgement.fates == fate).fill_null(value=False).arg_true()
            for start in range(0, len(rows), self.batch):
                some = rows.slice(start, self.batch)
                yield flows[some].with_columns(some.alias("row")), fate

    def _look_again(self) -> None:
        if self._done:
            if self.deleting:
                time.sleep(GOING_S + _TICK_S)
            self.check(self._done)
            self._done.clear()

    def _batch(self, part: pl.DataFrame, fate: Fate, outcome: Outcome) -> None:
        left = self._checked(part, fate, outcome)
        checked_s = time.monotonic()
        if left.is_empty():
            return
        self.kept.add(left)
        for _ in range(_TRIES):
            if time.monotonic() - checked_s <= _STALE_S:
                break
            # The disk was slow, or the process was stopped.
            left = self._checked(left, fate, outcome)
            checked_s = time.monotonic()
        else:
            raise Busy("this machine is too slow just now to act on what it reads: try a smaller --batch")
        if left.is_empty():
            return
        given = self.given(fate)
        refused = self.entries.retime(left, given)
        _count_refused(outcome, refused)
        done = left.height - sum(refused.values())
        self._done.append(Done(left["row"], fate, given))
        if self.deleting:
            woken = self._woken(left, fate)
            outcome.healed += woken
            outcome.removed += done - woken
        else:
            outcome.retimed += done

    @property
    def deleting(self) -> bool:
        return self.looked.judgement.wish.mode == "delete"

    def given(self, fate: Fate) -> int:
        """Seconds that an entry is left. What is removed goes by itself, for as long it can be helped."""
        return GOING_S if self.deleting else self.looked.judgement.seconds(fate)

    def _woken(self, left: pl.DataFrame, fate: Fate) -> int:
        """Of entries that are about to go, give back to those what they had that are not dead after all."""
        again = self.entries.again(left)
        going = again["id"].is_not_null() & (again["timeout"] <= GOING_S)
        same = unchanged(left, again, 0, self.columns)
        hit = left.filter(going & ~same)
        if fate is Fate.DEAD:
            self.proofs.refresh(always=True)
            rest = left.filter(going & same)
            hit = pl.concat([hit, rest.filter(~self.proofs.dead(rest))])
        for rows in hit.partition_by("timeout"):
            self.entries.retime(rows, max(rows["timeout"][0], MAY_LIVE_S))
        return hit.height

    def _checked(self, part: pl.DataFrame, fate: Fate, outcome: Outcome) -> pl.DataFrame:
        """Of a batch, the entries that may be changed at this moment, with what they have left now.

        The sockets come last: who opens a connection after its entry was read again is seen there.
        """
        elapsed_s = time.monotonic() - self.looked.read_at_s
        again = self.entries.again(part)
        there = again["id"].is_not_null()
        same = unchanged(part, again, elapsed_s, self.columns)
        longer = same
        if not self.deleting:
            longer = same & (again["timeout"] > self.given(fate)).fill_null(value=False)
        outcome.gone += int((~there).sum())
        outcome.spoke += int((there & ~same).sum())
        outcome.short += int((same & ~longer).sum())
        now = part.filter(longer)
        if fate is not Fate.DEAD or now.is_empty():
            return now
        self.proofs.refresh(always=self.deleting)
        dead = self.proofs.dead(now)
        outcome.unproven += int((~dead).sum())
        return now.filter(dead)


def _count_refused(outcome: Outcome, refused: Mapping[int, int]) -> None:
    for code, number in refused.items():
        if code == errno.ENOENT:
            outcome.gone += number
        else:
            outcome.refused += number
            reason = os.strerror(code)
            outcome.reasons[reason] = outcome.reasons.get(reason, 0) + number

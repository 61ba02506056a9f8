"""Draining in batches: read again, compare, ask the sockets again, keep on disk, then change."""

from __future__ import annotations

import contextlib
import errno
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.changes.drain import rereading
from halftrack.changes.drain.rereading import Again
from halftrack.changes.drain.verifying import Done
from halftrack.draining.fates import MAY_LIVE_S, Fate
from halftrack.draining.still import unchanged
from halftrack.errors import Busy
from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from halftrack.changes.drain.entries import Entries
    from halftrack.changes.drain.kept import Kept
    from halftrack.changes.drain.looking import Looked
    from halftrack.changes.drain.proofs import Proofs
    from halftrack.changes.drain.reins import Reins
    from halftrack.draining.outcome import Outcome
    from halftrack.evidence.selection import Selection

_ORDER: Final = (Fate.DEAD, Fate.UNANSWERED, Fate.MAY_LIVE)
_STALE_S: Final = 1.0
_TRIES: Final = 3
_STEP: Final = 2_000
"""Entries that even a slow machine reads and changes within ``_STALE_S``."""
GOING_S: Final = 2
"""What is let go is left so long: whoever turns out to have woken up in that very moment gets it back."""
_TICK_S: Final = 0.1
_CHECK_S: Final = 15.0
"""Far below the least that an entry is left: one that was hit while it woke up is helped in time."""


@dataclass(frozen=True, slots=True)
class Drain:
    """One drain under way. ``columns``: that have to be what they were
    (``still.compared``). ``selection``: takes in what is to be changed; None: entries are read again
    by name, ``batch`` at a time. ``told``: called with the entries seen to, after every batch."""

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
    netns_path: str | None = None
    selection: Selection | None = None
    _done: list[Done] = field(default_factory=list)

    def run(self, outcome: Outcome) -> None:
        """All batches, unless somebody stops it. What was done is counted as it is done."""
        total = outcome.not_reached = self.looked.judgement.changed
        checked_s = time.monotonic()
        try:
            with contextlib.closing(self._read_again()) as batches:
                for again in batches:
                    if self.reins.stopped:
                        break
                    self._batch(again, outcome)
                    outcome.not_reached -= len(again.rows)
                    self.told(total - outcome.not_reached)
                    if time.monotonic() - checked_s > _CHECK_S:
                        self._look_again()
                        checked_s = time.monotonic()
                    self.reins.border(len(again.rows))
        finally:
            outcome.stopped = self.reins.stopped and outcome.not_reached > 0
            self._look_again()

    def _read_again(self) -> Generator[Again]:
        """The entries to be changed, in batches, what is surely dead first; in a dump as they come."""
        judgement = self.looked.judgement
        flows = judgement.view.flows
        groups = [(judgement.fates == fate).fill_null(value=False) for fate in _ORDER]
        if self.selection is not None:
            changed = (judgement.fates <= Fate.MAY_LIVE).fill_null(value=False)
            left = changed.to_numpy().copy()
            wanted = (*self.columns, "timeout")
            for again in rereading.in_a_dump(
                flows, changed.arg_true(), self.selection, wanted, self.netns_path
            ):
                left[again.rows.to_numpy()] = False
                yield again
            groups = [group & pl.Series(left) for group in groups]
        yield from rereading.by_name(flows, (group.arg_true() for group in groups), self.entries, self.batch)

    def _look_again(self) -> None:
        if self._done:
            if self.deleting and any(done.given for done in self._done):
                time.sleep(GOING_S + _TICK_S)
            self.check(self._done)
            self._done.clear()

    def _batch(self, again: Again, outcome: Outcome) -> None:
        left = self._checked(self._part(again.rows), again, outcome)
        if left.is_empty():
            return
        self.kept.add(left)
        if time.monotonic() - again.since_s <= _STALE_S:
            self._change_all(left, outcome)
            return
        # The disk was slow, or the machine is, or the process was stopped: in small steps, then.
        for part in left.iter_slices(_STEP):
            self._change_all(self._fresh(part, outcome), outcome)

    def _fresh(self, part: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
        """Those of the part that may be changed now. Raises Busy."""
        for _ in range(_TRIES):
            since_s = time.monotonic()
            now = Again(part["row"], self.entries.again(part), since_s)
            part = self._checked(part, now, outcome)
            if time.monotonic() - since_s <= _STALE_S:
                return part
        raise Busy("this machine is too slow just now to act on what it reads")

    def _change_all(self, left: pl.DataFrame, outcome: Outcome) -> None:
        for rows in left.partition_by("fate"):
            self._change(rows, Fate(rows["fate"][0]), outcome)

    def _part(self, rows: pl.Series) -> pl.DataFrame:
        """These rows of the view, and their number, fate and what they are to be left, in seconds."""
        judgement = self.looked.judgement
        fates = judgement.fates[rows]
        given = fates.replace_strict({fate: self.given(fate) for fate in _ORDER}, return_dtype=pl.Int64)
        return judgement.view.flows[rows].with_columns(
            rows.alias("row"), fates.alias("fate"), given.alias("given")
        )

    def _change(self, rows: pl.DataFrame, fate: Fate, outcome: Outcome) -> None:
        if self.deleting:
            translated = rows["status"] & uapi.IPS_NAT_MASK != 0
            self._remove(rows.filter(~translated), fate, outcome)
            # What is translated cannot be put back as it was.
            self._let_go(rows.filter(translated), fate, outcome)
        elif not rows.is_empty():
            outcome.retimed += self._retime(rows, fate, outcome)

    def _retime(self, rows: pl.DataFrame, fate: Fate, outcome: Outcome) -> int:
        given = self.given(fate)
        refused = self.entries.retime(rows, given)
        _count_refused(outcome, refused)
        self._done.append(Done(rows["row"], fate, given))
        return rows.height - sum(refused.values())

    def _let_go(self, rows: pl.DataFrame, fate: Fate, outcome: Outcome) -> None:
        """Leave them a moment, in which whoever wakes up has the whole time again by its packet."""
        if not rows.is_empty():
            done = self._retime(rows, fate, outcome)
            woken = self._woken(rows)
            outcome.healed += woken
            outcome.removed += done - woken

    def _remove(self, rows: pl.DataFrame, fate: Fate, outcome: Outcome) -> None:
        """Remove them, and put back those whose owner has a socket by now."""
        if rows.is_empty():
            return
        codes = self.entries.remove(rows)
        refused = Counter(codes[codes != 0].tolist())
        outcome.spoke += refused.pop(errno.EBUSY, 0)
        _count_refused(outcome, refused)
        gone = rows.filter(pl.Series(codes == 0))
        self._done.append(Done(gone["row"], fate, 0, sure=True))
        self.proofs.refresh(always=True)
        woken = gone.filter(~self.proofs.dead(gone))
        if not woken.is_empty():
            self.entries.put_back(woken, MAY_LIVE_S)
        outcome.healed += woken.height
        outcome.removed += gone.height - woken.height

    @property
    def deleting(self) -> bool:
        return self.looked.judgement.wish.mode == "delete"

    def given(self, fate: Fate) -> int:
        """Seconds that an entry is left. What is let go goes by itself, for as long it can be helped."""
        return GOING_S if self.deleting else self.looked.judgement.seconds(fate)

    def _woken(self, left: pl.DataFrame) -> int:
        """Of entries that are about to go, give back to those what they had that are not dead after all."""
        again = self.entries.again(left)
        going = again["id"].is_not_null() & (again["timeout"] <= GOING_S)
        same = unchanged(left, again, 0, self.columns)
        hit = left.filter(going & ~same)
        self.proofs.refresh(always=True)
        rest = left.filter(going & same)
        hit = pl.concat([hit, rest.filter(~self.proofs.dead(rest))])
        for rows in hit.partition_by("timeout"):
            self.entries.retime(rows, max(rows["timeout"][0], MAY_LIVE_S))
        return hit.height

    def _checked(self, part: pl.DataFrame, again: Again, outcome: Outcome) -> pl.DataFrame:
        """Of a batch, the entries that may be changed at this moment.

        The sockets come last: who opens a connection after its entry was read again is seen there.
        """
        now = again.now
        there = now["id"].is_not_null()
        same = unchanged(part, now, again.since_s - self.looked.read_at_s, self.columns)
        longer = same
        if not self.deleting:
            longer = same & (now["timeout"] > part["given"]).fill_null(value=False)
        outcome.gone += int((~there).sum())
        outcome.spoke += int((there & ~same).sum())
        outcome.short += int((same & ~longer).sum())
        left = part.filter(longer)
        dead = left["fate"] == Fate.DEAD
        if not dead.any():
            return left
        self.proofs.refresh(always=self.deleting)
        proven = ~dead | self.proofs.dead(left)
        outcome.unproven += int((~proven).sum())
        return left.filter(proven)


def _count_refused(outcome: Outcome, refused: Mapping[int, int]) -> None:
    for code, number in refused.items():
        if code == errno.ENOENT:
            outcome.gone += number
        else:
            outcome.refused += number
            reason = os.strerror(code)
            outcome.reasons[reason] = outcome.reasons.get(reason, 0) + number

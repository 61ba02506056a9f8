"""Draining in batches: read again, compare, ask the sockets again, keep on disk, then change."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.changes.drain.verifying import KEY
from halftrack.draining.fates import Fate
from halftrack.draining.still import unchanged
from halftrack.errors import Busy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from halftrack.changes.drain.entries import Entries
    from halftrack.changes.drain.kept import Kept
    from halftrack.changes.drain.looking import Looked
    from halftrack.changes.drain.proofs import Proofs
    from halftrack.changes.drain.reins import Reins
    from halftrack.draining.outcome import Outcome

_ORDER: Final = (Fate.DEAD, Fate.UNANSWERED, Fate.MAY_LIVE)
_STALE_S: Final = 1.0
_TRIES: Final = 3


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
    done: list[pl.DataFrame] = field(default_factory=list)
    """What was changed: columns of ``verifying.KEY``, and ``given``, the seconds that are left."""

    def run(self, outcome: Outcome) -> None:
        """All batches, unless somebody stops it. What was done is counted as it is done."""
        judgement = self.looked.judgement
        outcome.not_reached = judgement.changed
        for fate in _ORDER:
            for part in judgement.rows(fate).iter_slices(self.batch):
                if self.reins.stopped:
                    outcome.stopped = True
                    return
                self._batch(part, fate, outcome)
                outcome.not_reached -= part.height
                self.told(judgement.changed - outcome.not_reached)
                self.reins.border(part.height)
        outcome.stopped = self.reins.stopped and outcome.not_reached > 0

    def _batch(self, part: pl.DataFrame, fate: Fate, outcome: Outcome) -> None:
        left = self._checked(part, fate, outcome)
        if left.is_empty():
            return
        self.kept.add(left)
        checked_s = time.monotonic()
        deleting = self.looked.judgement.wish.mode == "delete"
        for _ in range(_TRIES):
            # The disk may have been slow, or the process stopped: what goes for good is looked at again.
            if deleting or time.monotonic() - checked_s > _STALE_S:
                left = self._checked(left, fate, outcome)
                checked_s = time.monotonic()
            if time.monotonic() - checked_s <= _STALE_S:
                break
        else:
            raise Busy("this machine is too slow just now to act on what it reads: try a smaller --batch")
        if left.is_empty():
            return
        if deleting:
            given = 0
            refused = self.entries.remove(left)
        else:
            given = self.looked.judgement.seconds(fate)
            refused = self.entries.retime(left, given)
        self.done.append(left.select(*KEY, pl.lit(given).alias("given")))
        _count_refused(outcome, refused)
        done = left.height - sum(refused.values())
        if deleting:
            outcome.removed += done
        else:
            outcome.retimed += done

    def _checked(self, part: pl.DataFrame, fate: Fate, outcome: Outcome) -> pl.DataFrame:
        """Of a batch, the entries that may be changed at this moment, with what they have left now.

        The sockets come last: who opens a connection after its entry was read again is seen there.
        """
        elapsed_s = time.monotonic() - self.looked.read_at_s
        again = self.entries.again(part)
        there = again["id"].is_not_null()
        same = unchanged(part, again, elapsed_s, self.columns)
        longer = same
        if self.looked.judgement.wish.mode == "retime":
            longer = same & (again["timeout"] > self.looked.judgement.seconds(fate)).fill_null(value=False)
        outcome.gone += int((~there).sum())
        outcome.spoke += int((there & ~same).sum())
        outcome.short += int((same & ~longer).sum())
        now = part.filter(longer)
        if fate is not Fate.DEAD or now.is_empty():
            return now
        self.proofs.refresh(always=self.looked.judgement.wish.mode == "delete")
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

"""Changing a batch of entries that were found to be what they were."""

from __future__ import annotations

import errno
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.changes.drain.verifying import Done
from halftrack.draining.fates import MAY_LIVE_S, Fate
from halftrack.draining.still import unchanged
from halftrack.evidence import uapi

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.changes.drain.entries import Entries
    from halftrack.changes.drain.proofs import Proofs
    from halftrack.draining.judging import Judgement
    from halftrack.draining.outcome import Outcome

GOING_S: Final = 2
"""What is let go is left so long: whoever turns out to have woken up in that very moment gets it back."""


@dataclass(frozen=True, slots=True)
class Changing:
    """``entries``: of its own, as it works beside whoever reads. ``done``: what was changed, in the end."""

    judgement: Judgement
    columns: Sequence[str]
    entries: Entries
    proofs: Proofs
    done: list[Done] = field(default_factory=list)

    def __call__(self, left: pl.DataFrame, outcome: Outcome) -> Outcome:
        """``left``: with columns ``row`` and ``fate``. What came of it is added to ``outcome``.

        Raises OSError.
        """
        for rows in left.partition_by("fate"):
            self._change(rows, Fate(rows["fate"][0]), outcome)
        return outcome

    @property
    def deleting(self) -> bool:
        return self.judgement.wish.mode == "delete"

    def given(self, fate: Fate) -> int:
        """Seconds that an entry is left. What is let go goes by itself, for as long it can be helped."""
        return GOING_S if self.deleting else self.judgement.seconds(fate)

    def _change(self, rows: pl.DataFrame, fate: Fate, outcome: Outcome) -> None:
        if self.deleting:
            # Of what is assured the kernel cannot tell a word that came since; what is translated cannot
            # be put back as it was.
            careful = rows["status"] & (uapi.IPS_ASSURED | uapi.IPS_NAT_MASK) != 0
            self._remove(rows.filter(~careful), fate, outcome)
            self._let_go(rows.filter(careful), fate, outcome)
        elif not rows.is_empty():
            outcome.retimed += self._retime(rows, fate, outcome)

    def _retime(self, rows: pl.DataFrame, fate: Fate, outcome: Outcome) -> int:
        given = self.given(fate)
        refused = self.entries.retime(rows, given)
        _count_refused(outcome, refused)
        self.done.append(Done(rows["row"], fate, given, time.monotonic()))
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
        self.done.append(Done(gone["row"], fate, 0, time.monotonic(), sure=True))
        self.proofs.refresh(always=True)
        woken = gone.filter(~self.proofs.dead(gone))
        if not woken.is_empty():
            self.entries.put_back(woken, MAY_LIVE_S)
        outcome.healed += woken.height
        outcome.removed += gone.height - woken.height

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


def _count_refused(outcome: Outcome, refused: Mapping[int, int]) -> None:
    for code, number in refused.items():
        if code == errno.ENOENT:
            outcome.gone += number
        else:
            outcome.refused += number
            reason = os.strerror(code)
            outcome.reasons[reason] = outcome.reasons.get(reason, 0) + number

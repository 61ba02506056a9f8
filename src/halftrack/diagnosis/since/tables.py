"""Two moments of one table: entries new, stayed and left, and how far the kernel's counters rose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np

from halftrack.diagnosis.since import known as keeping
from halftrack.diagnosis.since.document import SinceTable

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.diagnosis.document import TableSummary
    from halftrack.diagnosis.since.known import Known, Same
    from halftrack.evidence.values import Evidence, Table

_WATCHED: Final = ("drop", "early_drop", "insert_failed")
"""Told also where they stand still."""
_NO_COUNTER: Final = "entries"
"""The one column of ``/proc/net/stat/nf_conntrack`` that is a level."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The entries of one table, then and now; ``was``: what its namespace was called then.

    ``unmatched_…``: rows without the same entry at the other moment; ``certain_new``: those of now that began
    in between for certain, whatever the earlier source lacks.
    """

    netns: str
    was: str
    then: Known
    now: Known
    same: Same
    seconds: int | None
    certain_new: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, netns: str, was: str, then: Known, now: Known, seconds: int | None) -> Compared:
        same = keeping.same(then, now, seconds)
        certain = np.zeros(now.height, np.bool_)
        if seconds is not None:
            certain = (now.age_s >= 0) & (now.age_s < seconds - keeping.TAKEN_S)
        certain[same.now] = same.reused
        return cls(netns, was, then, now, same, seconds, certain)

    @property
    def stayed_now(self) -> npt.NDArray[np.bool_]:
        """Rows of now that were there."""
        rows = np.zeros(self.now.height, np.bool_)
        rows[self.same.now[self.same.stayed]] = True
        return rows

    @property
    def stayed_then(self) -> npt.NDArray[np.bool_]:
        """Rows of then that are still there."""
        rows = np.zeros(self.then.height, np.bool_)
        rows[self.same.then[self.same.stayed]] = True
        return rows

    @property
    def new(self) -> npt.NDArray[np.bool_]:
        """Rows of now that were not there for certain."""
        return ~self.stayed_now if self.then.whole else self.certain_new

    @property
    def left(self) -> npt.NDArray[np.bool_]:
        """Rows of then that are not there any more for certain."""
        if self.now.whole:
            return ~self.stayed_then
        rows = np.zeros(self.then.height, np.bool_)
        rows[self.same.then[self.same.reused]] = True
        return rows

    def case_then(self) -> npt.NDArray[np.uint8]:
        """Of each row of now, what it showed then; 0 where it was not there."""
        was = np.zeros(self.now.height, np.uint8)
        stayed = self.same.stayed
        was[self.same.now[stayed]] = self.then.case[self.same.then[stayed]]
        return was

    def case_now(self) -> npt.NDArray[np.uint8]:
        """Of each row of then, what it shows now; 0 where it is not there."""
        found = np.zeros(self.then.height, np.uint8)
        stayed = self.same.stayed
        found[self.same.then[stayed]] = self.now.case[self.same.now[stayed]]
        return found


def table(
    then: TableSummary | None,
    now: TableSummary | None,
    compared: Compared | None,
    seconds: int | None,
    counters: dict[str, int] | None,
) -> SinceTable:
    """One table of either moment, or of both."""
    before, after = (None if each is None else each.entries for each in (then, now))
    shown = now or then
    assert shown is not None  # noqa: S101  # one of them is there
    found = SinceTable(
        netns=shown.netns,
        before=before,
        now=after,
        stuck_before=None if then is None else then.stuck,
        stuck_now=None if now is None else now.stuck,
        per_minute=_per_minute(None if before is None or after is None else after - before, seconds),
        counters=counters,
    )
    if compared is None:
        return found
    new, left, stayed = (
        int(np.count_nonzero(rows)) for rows in (compared.new, compared.left, compared.same.stayed)
    )
    return msgspec.structs.replace(
        found,
        new=new,
        stayed=stayed,
        left=left,
        reused=int(np.count_nonzero(compared.same.reused)),
        unproven=int(np.count_nonzero(compared.same.unproven)),
        unseen_before=compared.now.height - stayed - new,
        unseen_now=compared.then.height - stayed - left,
        identity=compared.same.identity,
        new_per_minute=_per_minute(new, seconds),
    )


def _per_minute(number: int | None, seconds: int | None) -> float | None:
    return None if number is None or not seconds else round(number * 60 / seconds, 2)


def counters(before: Table | None, now: Evidence, after: Table, seconds: int | None) -> dict[str, int] | None:
    """How far each rose that did; None where the node was restarted, or they were not read twice."""
    if before is None or not before.counters or not after.counters:
        return None
    if seconds is not None and now.up_s is not None and now.up_s < seconds:
        return None
    old, new = before.counters[-1].values, after.counters[-1].values
    both = [name for name in new if name in old and name != _NO_COUNTER]
    if any(new[name] < old[name] for name in both):
        return None
    rise = {name: new[name] - old[name] for name in both}
    return {name: by for name, by in rise.items() if by or name in _WATCHED}

"""Looking at what was changed while the rest still is being changed: a dump that follows at a distance.

Two dumps of a table come in the same order. What the second one shows too early, because the hash was
resized in between, is read once more in the end.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from halftrack.changes.drain import rereading
from halftrack.changes.drain.verifying import SHOWN
from halftrack.draining.fates import Fate
from halftrack.draining.finding import Index

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

    from halftrack.changes.drain.rereading import Again
    from halftrack.draining.judging import Judgement
    from halftrack.evidence.selection import Selection

_DISTANCE: Final = 100_000
"""Entries between the two dumps: more than is received ahead and being changed."""


class Follower:
    """``parts``: the second dump, which begins when it is first asked."""

    def __init__(self, parts: Generator[Again]) -> None:
        self._parts = parts
        self._met = 0
        self._seen: list[Again] = []

    def follow(self, done: int) -> None:
        """Read on, as far as is well behind the first dump. ``done``: entries of it that were seen to."""
        while done - self._met > _DISTANCE and self._step():
            pass

    def rest(self) -> None:
        """Read to the end."""
        while self._step():
            pass

    def taken(self) -> Sequence[Again]:
        """What was read since this was last asked."""
        seen, self._seen = self._seen, []
        return seen

    def _step(self) -> bool:
        again = next(self._parts, None)
        if again is None:
            return False
        self._met += len(again.rows)
        self._seen.append(again)
        return True


@contextlib.contextmanager
def dumps(
    judgement: Judgement, selection: Selection | None, columns: Sequence[str], netns_path: str | None
) -> Iterator[tuple[Generator[Again] | None, Follower | None]]:
    """One dump of what is to be changed and, where it stays in the table, one that follows.

    ``selection``: takes it in; None, or where there is little of it: no dumps. ``columns``: of the first.
    """
    flows = judgement.view.flows
    if selection is None or not rereading.worth_a_dump(judgement.changed, flows.height):
        yield None, None
        return
    index = Index(flows, (judgement.fates <= Fate.MAY_LIVE).fill_null(value=False).arg_true())
    first = rereading.in_a_dump(index, selection, (*columns, "timeout"), netns_path)
    second = rereading.in_a_dump(index, selection, SHOWN, netns_path)
    with contextlib.closing(first), contextlib.closing(second):
        yield first, None if judgement.wish.mode == "delete" else Follower(second)

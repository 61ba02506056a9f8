"""Reading entries again right before they are changed: a few by name, or as many as come along in a dump.

The kernel takes twice as long for an entry that is asked for by name as for one that it dumps.
"""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.kernel import ctnetlink

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from halftrack.changes.drain.entries import Entries
    from halftrack.draining.finding import Index
    from halftrack.evidence.selection import Selection

BATCH: Final = 20_000
"""Entries that are read again and changed together."""
_FEW: Final = 50_000
_ROOM: Final = 2
"""One block is received while one is seen to: what is acted on was read just now."""
_DEARER: Final = 2
"""Times as long as for one of a dump."""


@dataclass(frozen=True, slots=True)
class Again:
    """Entries that were read again. ``rows``: their numbers in the table. ``now``: the same as they are
    now, in their order, all null where one is gone. ``since_s``: monotonic; none was read before.
    """

    rows: pl.Series
    now: pl.DataFrame
    since_s: float


def worth_a_dump(entries: int, dumped: int) -> bool:
    """Whether so many entries are read sooner in a dump of so many."""
    return entries > _FEW and entries * _DEARER > dumped


def by_name(
    flows: pl.DataFrame, groups: Iterable[pl.Series], entries: Entries, batch: int = BATCH
) -> Iterator[Again]:
    """``groups``: of rows, one after the other. Raises PermissionMissing, OSError."""
    for group in groups:
        for start in range(0, len(group), batch):
            rows = group.slice(start, batch)
            since_s = time.monotonic()
            yield Again(rows, entries.again(flows[rows]), since_s)


def in_a_dump(
    index: Index, selection: Selection, columns: Iterable[str], netns_path: str | None
) -> Generator[Again]:
    """Those of the index's rows that are in a dump, each once, as they come.

    ``columns``: that are to be read beside id and tuple. Raises as ``ctnetlink.dump`` does.
    """
    numbers = index.rows.to_numpy()
    seen = np.zeros(len(numbers), np.bool_)
    asked = replace(selection, columns=frozenset(columns))
    pending = ctnetlink.begin(asked, netns_path=netns_path, room=_ROOM)
    with contextlib.closing(pending.parts()) as parts:
        for part in parts:
            place, which = index.find(part.frame)
            which, first = np.unique(which, return_index=True)
            new = ~seen[which]
            which, place = which[new], place[first[new]]
            seen[which] = True
            if len(which):
                yield Again(pl.Series(numbers[which]), part.frame[place], part.since_s)

"""Reading the owners' sockets again, as often as entries are about to be changed on their word."""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import polars as pl

from halftrack.diagnosis.ends import NOBODY
from halftrack.diagnosis.symptoms import sockets as ends
from halftrack.draining.fates import Fate
from halftrack.kernel import namespaces, setns, sock_diag, sockets, survey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.diagnosis.view import View
    from halftrack.draining.judging import Judgement
    from halftrack.evidence.values import Namespace, Sockets, Table


class Proofs:
    """The sockets of those namespaces on whose word entries were judged dead.

    Entered, it holds them open: one that loses its name meanwhile can still be asked.
    """

    def __init__(self, judgement: Judgement) -> None:
        self._view = judgement.view
        self._tables = _witnesses(judgement)
        self._ways: dict[int, str | None] = {}
        self._open = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._seen = _Seen(self._view, more=False)
        self._read_at = -1.0
        self._took_s = 0.0

    def refresh(self, *, always: bool) -> None:
        """Read them again. Unless ``always``, reading takes half of the time at most.

        A namespace that cannot be read now proves nothing any more. What two threads read comes in
        the order in which they read it.
        """
        with self._lock:
            if not always and time.monotonic() - self._read_at < self._took_s:
                return
            begun = time.monotonic()
            fresh = {id(table): self._read(table) for table in self._tables}
            evidence = self._view.evidence
            tables = tuple(replace(table, sockets=fresh.get(id(table))) for table in evidence.tables)
            place = next(i for i, table in enumerate(evidence.tables) if table is self._view.table)
            view = replace(self._view, table=tables[place], evidence=replace(evidence, tables=tables))
            more = any(_more(fresh[id(table)], table.sockets) for table in self._tables)
            self._seen = _Seen(view, more)
            self._read_at = time.monotonic()
            self._took_s = self._read_at - begun

    def dead(self, rows: pl.DataFrame) -> pl.Series:
        """Boolean, one per row (with a view's columns) that was judged dead: it still has no socket."""
        seen = self._seen
        every = pl.repeat(value=True, n=rows.height, dtype=pl.Boolean, eager=True)
        if not seen.more:
            return every
        missing = ends.missing(replace(seen.view, flows=rows), every)
        return ~every if missing is None else missing

    def _read(self, table: Table) -> Sockets | None:
        if id(table) not in self._ways:
            return None
        try:
            return setns.call_in(self._ways[id(table)], lambda: sockets.read(survey.net_directory()))
        except (OSError, sock_diag.Unfinished):
            return None

    def __enter__(self) -> Self:
        for table in self._tables:
            with contextlib.suppress(OSError, namespaces.Vanished):
                self._ways[id(table)] = self._open.enter_context(way(table.namespace))
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()


@dataclass(frozen=True, slots=True)
class _Seen:
    """``view``: with the sockets read last. ``more``: there are some that were not there at the judgement."""

    view: View
    more: bool


def _more(now: Sockets | None, judged: Sockets | None) -> bool:
    """Whether what was dead by the sockets of then may not be by those of now."""
    if now is None or judged is None:
        return True
    if now.frame.equals(judged.frame):
        return False
    return not ends.live(now).join(ends.live(judged), on=ends.CONNECTION, how="anti").is_empty()


@contextlib.contextmanager
def way(namespace: Namespace) -> Iterator[str | None]:
    """A way into a namespace that stays valid; None for our own. Raises Vanished, OSError."""
    if namespaces.is_own(namespace):
        yield None
        return
    with namespaces.opened(namespace) as path:
        yield path


def _witnesses(judgement: Judgement) -> list[Table]:
    """Tables whose namespaces' sockets speak for an entry that was judged dead."""
    view = judgement.view
    known = ends.by_owner(view)
    dead = judgement.rows(Fate.DEAD)
    owners = {NOBODY if owner is None else owner for owner in dead["owner"].unique()}
    used = {id(read) for owner, read in known.items() if owner in owners}
    if NOBODY in owners and not dead["here"].all():
        used |= {id(table.sockets) for table in ends.neighbours(view)}
    return [table for table in view.evidence.tables if id(table.sockets) in used]

"""Timeouts that changes of ours set or put back, and that entries may still be counted down from.

An entry keeps the time that its last packet gave it. What was last heard under another timeout than
today's tells its silence by that one, and may look like what was heard since (``diagnosis.past``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, TypeAlias

from halftrack.changes import journal, records, redated
from halftrack.changes.writes.sysctl import SysctlWrite
from halftrack.errors import HalftrackError
from halftrack.evidence.sysctls import PREFIX, Replaced
from halftrack.evidence.values import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halftrack.changes.records import Record
    from halftrack.evidence.values import Evidence, Table

_MOST: Final = 50
"""Changes that are looked at, the newest: every doctor waits for it."""


@dataclass(frozen=True, slots=True)
class Retimed:
    """``was``: seconds, until ``at``, when it was made ``then``. ``change``: which one it was."""

    setting: str
    was: int
    then: int
    at: datetime
    change: int

    @property
    def over_at(self) -> datetime:
        """When the last entry that was given so much is gone or was heard again."""
        return self.at + timedelta(seconds=self.was)


Journals: TypeAlias = "Sequence[tuple[int, Sequence[Record]]]"
"""Changes by their numbers, the oldest first."""
History: TypeAlias = "Sequence[tuple[SysctlWrite, Retimed]]"


def journals() -> Journals:
    """Of the newest changes; those that cannot be read say nothing."""
    try:
        newest = journal.numbers()[-_MOST:]
    except (HalftrackError, OSError):
        return []
    return [(number, _records(number)) for number in newest]


def history(told: Journals, now: datetime, up_s: int | None) -> History:
    """Newest first, of every namespace, since the boot.

    ``up_s``: seconds since the boot, where that is known.
    """
    booted_at = _booted_at(now, up_s)
    found = [each for of in told for each in _of(*of) if booted_at < each[1].at <= now]
    return sorted(found, key=lambda each: each[1].at)[::-1]


def retimed(told: History, tables: Iterable[Table], now: datetime) -> list[Retimed]:
    """Of these tables, where the entries were read, newest first.

    Left out is what no entry can go back to: it is over, or is today's value again.
    """
    read = [table for table in tables if table.flows is not None]
    return [
        one
        for write, one in told
        if now < one.over_at and any(_is_in(write, table) and _differs(one, table) for table in read)
    ]


def known(seen: Evidence, told: Journals) -> Evidence:
    """The evidence of the running node, with what changes of ours replaced: a source like others."""
    now = seen.taken_at
    if now is None:
        return seen
    replaced = history(told, now, seen.up_s)
    booted_at = _booted_at(now, seen.up_s)
    drained = [
        one for _, its in reversed(told) for one in redated.drains(its) if booted_at < one.begun <= now
    ]
    drained.sort(key=lambda one: one.begun, reverse=True)
    tables = (
        redated.with_drained(_with_replaced(table, replaced), drained, now, seen.seconds)
        for table in seen.tables
    )
    return replace(seen, tables=tuple(tables))


def _booted_at(now: datetime, up_s: int | None) -> datetime:
    return datetime.min.replace(tzinfo=UTC) if up_s is None else now - timedelta(seconds=up_s)


def _with_replaced(table: Table, told: History) -> Table:
    found = [
        Replaced(one.setting, str(one.was), one.at, str(one.then))
        for write, one in told
        if _is_in(write, table)
    ]
    return replace(table, replaced=tuple(found)) if found else table


def _records(number: int) -> Sequence[Record]:
    try:
        return journal.Journal(number).records()
    except (HalftrackError, OSError):
        return ()


def _of(number: int, told: Iterable[Record]) -> Iterator[tuple[SysctlWrite, Retimed]]:
    writes: dict[int, SysctlWrite] = {}
    for record in told:
        match record:
            case records.Writing(index=index, write=SysctlWrite() as write) if _is_timeout(write):
                writes[index] = write
            case records.Wrote(index=index, at=at) if index in writes:
                write = writes[index]
                yield write, Retimed(write.name, int(write.before), int(write.after), at, number)
            case records.Restored(index=index, at=at, gone=False) if index in writes:
                write = writes[index]
                yield write, Retimed(write.name, int(write.after), int(write.before), at, number)
            case _:
                pass


def _is_timeout(write: SysctlWrite) -> bool:
    values = (write.before, write.after)
    named = write.name.startswith(PREFIX) and "_timeout" in write.name
    return named and all(value.isascii() and value.isdecimal() and len(value) < 10 for value in values)


def _is_in(write: SysctlWrite, table: Table) -> bool:
    if write.space.host:
        return table.namespace.name == HOST
    return table.namespace.inode == write.space.inode


def _differs(one: Retimed, table: Table) -> bool:
    return table.settings.get(one.setting) not in (None, str(one.was))

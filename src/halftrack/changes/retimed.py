"""Timeouts that changes of ours set or put back, and that entries may still be counted down from.

An entry keeps the time that its last packet gave it. What was last heard under another timeout than
today's has as much left as another age would, and its own cannot be told from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from halftrack.changes import journal, records
from halftrack.changes.writes.sysctl import SysctlWrite
from halftrack.errors import HalftrackError
from halftrack.evidence.sysctls import PREFIX
from halftrack.evidence.values import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from halftrack.evidence.values import Table

_MOST: Final = 50
"""Changes that are looked at, the newest: every doctor waits for it."""


@dataclass(frozen=True, slots=True)
class Retimed:
    """``was``: seconds, until ``at``. ``change``: which one it was."""

    setting: str
    was: int
    at: datetime
    change: int

    @property
    def over_at(self) -> datetime:
        """When the last entry that was given so much is gone or was heard again."""
        return self.at + timedelta(seconds=self.was)


def retimed(tables: Iterable[Table], now: datetime, up_s: int | None) -> list[Retimed]:
    """Of these tables, where the entries were read, newest first. Journals that cannot be read say nothing.

    Left out is what no entry can go back to: it is over, was before the boot, or is today's value again.
    ``up_s``: seconds since the boot.
    """
    read = [table for table in tables if table.flows is not None]
    booted_at = None if up_s is None else now - timedelta(seconds=up_s)
    found = [
        one
        for number in _newest()
        for write, one in _of(number)
        if one.at <= now < one.over_at
        and (booted_at is None or one.at > booted_at)
        and any(_is_in(write, table) and _differs(one, table) for table in read)
    ]
    return sorted(found, key=lambda one: one.at, reverse=True)


def _newest() -> list[int]:
    try:
        return journal.numbers()[-_MOST:]
    except (HalftrackError, OSError):
        return []


def _of(number: int) -> Iterator[tuple[SysctlWrite, Retimed]]:
    writes: dict[int, SysctlWrite] = {}
    try:
        told = journal.Journal(number).records()
    except (HalftrackError, OSError):
        return
    for record in told:
        match record:
            case records.Writing(index=index, write=SysctlWrite() as write) if _is_timeout(write):
                writes[index] = write
            case records.Wrote(index=index, at=at) if index in writes:
                yield writes[index], Retimed(writes[index].name, int(writes[index].before), at, number)
            case records.Restored(index=index, at=at, gone=False) if index in writes:
                yield writes[index], Retimed(writes[index].name, int(writes[index].after), at, number)
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

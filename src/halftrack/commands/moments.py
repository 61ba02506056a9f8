"""One table out of what was read, or two moments of the same one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from halftrack.errors import UnreadableInput, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.commands.options import Options
    from halftrack.evidence.values import Evidence, Table


@dataclass(frozen=True, slots=True)
class Moment:
    """A table at one moment. ``evidence``: of that moment, with what else was read then: sockets of other
    namespaces tell of this table's entries. ``others``: names of tables that are left out.
    """

    evidence: Evidence
    table: Table
    others: tuple[str, ...] = ()


def moments(read: Sequence[Evidence]) -> tuple[Moment, ...]:
    """The table that is asked about, once or, as it was named, twice.

    Of a node with several it is the largest. Raises UnreadableInput where none was read, UsageError for
    more files than two.
    """
    if len(read) == 2:
        earlier, later = (_largest(each) for each in read)
        same = [one for one in _tables(read[0]) if one.netns == later.table.netns]
        first = replace(earlier, table=same[0]) if same else earlier
        return _with_settings(first, later)
    (found,) = read
    tables = _tables(found)
    if found.source != "dump" or len(tables) < 2:
        return (_largest(found),)
    if len(tables) > 2:
        raise UsageError(f"{len(tables)} tables: name one, or two moments of the same one")
    return tuple(Moment(replace(found, tables=(each,)), each) for each in tables)


def apart(given: Options) -> int | None:
    """Seconds between two moments that were named, ``--assume taken-at=FIRST,SECOND``; the second stays."""
    told = given.assume.get("taken-at", "")
    first, comma, second = told.partition(",")
    if not comma:
        return None
    from halftrack.formats.moments import instant  # noqa: PLC0415  # for two named moments alone

    one, other = instant(first), instant(second)
    if one is None or other is None or one == other:
        raise UsageError(
            f"--assume taken-at={told}: write two moments, e.g. 2026-11-16T09:00Z,2026-11-18T09:05Z"
        )
    given.assume["taken-at"] = second
    return round((other - one).total_seconds())


def _tables(found: Evidence) -> list[Table]:
    return [each for each in found.tables if each.flows is not None and not each.skipped]


def _largest(found: Evidence) -> Moment:
    tables = _tables(found)
    if not tables:
        raise UnreadableInput("no connection table with entries was read")
    largest = max(tables, key=lambda each: len(each.flows or ()))
    others = tuple(each.netns for each in tables if each is not largest)
    return Moment(found, largest, others)


def _with_settings(earlier: Moment, later: Moment) -> tuple[Moment, Moment]:
    """What one of the two does not say, the other one does: it is the same node."""
    one, other = earlier.table, later.table
    settings = {**one.settings, **other.settings}
    kernel = later.evidence.kernel or earlier.evidence.kernel

    def told(moment: Moment, table: Table, limit: int | None) -> Moment:
        known = replace(table, settings={**settings, **table.settings}, limit=limit)
        tables = tuple(known if each is table else each for each in moment.evidence.tables)
        return replace(moment, evidence=replace(moment.evidence, kernel=kernel, tables=tables), table=known)

    return (
        told(earlier, one, other.limit if one.limit is None else one.limit),
        told(later, other, one.limit if other.limit is None else other.limit),
    )

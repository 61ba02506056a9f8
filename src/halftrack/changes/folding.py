"""What a change has come to, worked out of its records. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from halftrack.changes import records
from halftrack.errors import UnreadableInput

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from halftrack.changes.records import Armed, Begun, Record
    from halftrack.changes.writes.kinds import AnyWrite
    from halftrack.plans.change import State


@dataclass(slots=True)
class Entry:
    """A write that was at least about to be done. ``wrote``: it returned. ``verified``: it held."""

    index: int
    step: int
    action: int
    write: AnyWrite
    wrote: bool = False
    verified: bool = False
    restored: bool = False


@dataclass(slots=True)
class Folded:
    """``boottime_s``: CLOCK_BOOTTIME when all was applied. ``why``: of a failure or an undo.

    ``failed_step``: of the plan; that one and those after it are not in force. ``drained`` None with a
    ``drained_file``: a drain was cut short, and nobody counted; what it touched is in the file.
    ``drained_files``: of each drain, by step and action of the plan.
    """

    begun: Begun
    entries: list[Entry] = field(default_factory=list)
    armed: Armed | None = None
    drained: int | None = None
    drained_file: str | None = None
    drained_files: dict[tuple[int, int], str] = field(default_factory=dict)
    applied_s: float | None = None
    kept: bool = False
    persisted: bool = False
    failed: bool = False
    failed_step: int | None = None
    undoing: bool = False
    undone: bool = False
    undone_at: datetime | None = None
    why: str | None = None

    @property
    def number(self) -> int:
        return self.begun.number

    @property
    def state(self) -> State:
        if self.undone:
            return "undone"
        if self.undoing:
            return "undoing"
        if self.kept:
            return "kept"
        if self.failed:
            return "stopped"
        if self.armed is not None:
            return "trial"
        return "applied" if self.applied_s is not None else "begun"

    @property
    def on_trial(self) -> bool:
        """Whether it goes by itself at its deadline."""
        return self.armed is not None and not self.kept and not self.undone

    @property
    def standing(self) -> list[Entry]:
        """What may be in force and is to be taken back by an undo, in the order in which it was done."""
        return [entry for entry in self.entries if not entry.restored]


def fold(found: Iterable[Record]) -> Folded:
    """Raises UnreadableInput where the records do not begin with the beginning."""
    folded: Folded | None = None
    for record in found:
        if isinstance(record, records.Begun):
            folded = Folded(record)
        elif folded is None:
            raise UnreadableInput("the journal does not begin with the beginning of a change")
        else:
            _add(folded, record)
    if folded is None:
        raise UnreadableInput("the journal is empty: the change never began")
    return folded


def _add(folded: Folded, record: Record) -> None:
    match record:
        case records.Writing(index=index, step=step, action=action, write=write):
            folded.entries.append(Entry(index, step, action, write))
        case records.Wrote(index=index):
            _entry(folded, index).wrote = True
        case records.Verified(index=index):
            _entry(folded, index).verified = True
        case records.Restored(index=index):
            _entry(folded, index).restored = True
        case records.Failed(step=step, why=why):
            folded.failed, folded.failed_step, folded.why = True, step, why
        case records.Draining(step=step, action=action, file=file):
            _add_file(folded, (step, action), file)
        case records.Drained(step=step, action=action, entries=entries, file=file):
            folded.drained = (folded.drained or 0) + entries
            _add_file(folded, (step, action), file)
        case _:
            _add_standing(folded, record)


def _add_standing(folded: Folded, record: Record) -> None:
    match record:
        case records.Armed():
            folded.armed = record
        case records.Applied(done_s=done_s):
            folded.applied_s, folded.failed = done_s, False
        case records.Kept():
            folded.kept = True
        case records.Persisted():
            folded.persisted = True
        case records.Undoing(why=why):
            folded.undoing, folded.why = True, why
        case records.Undone(at=at, why=why):
            folded.undone, folded.undone_at, folded.why = True, at, why
        case _:
            pass


def _add_file(folded: Folded, drain: tuple[int, int], file: str | None) -> None:
    folded.drained_file = file
    if file is not None:
        folded.drained_files[drain] = file


def _entry(folded: Folded, index: int) -> Entry:
    for entry in folded.entries:
        if entry.index == index:
            return entry
    raise UnreadableInput(f"the journal tells of write {index}, which it never announced")

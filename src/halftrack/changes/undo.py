"""Taking a change back: in reverse order, each write to exactly what was there before it.

Nothing is touched where somebody else has changed one of them since, unless that is asked for. A
journal that cannot be written any more (a full disk) keeps nobody from putting back what was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.changes import journal as journals
from halftrack.changes import lasting_rules, records
from halftrack.changes.clock import now
from halftrack.changes.writes import Seen
from halftrack.errors import HalftrackError, Incomplete, OutputFailed, PermissionMissing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.changes.folding import Entry, Folded
    from halftrack.changes.journal import Journal
    from halftrack.changes.records import Record
    from halftrack.plans.change import Who


class Taking:
    """``gone``: titles of writes whose place has ended. ``left``: of those that others changed since.

    ``unnoted``: why the journal does not tell of it.
    """

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.gone: list[str] = []
        self.left: list[str] = []
        self.unnoted: list[str] = []

    def take_back(self, entries: Sequence[Entry], *, leave_drift: bool = False) -> None:
        """The last first; one that does not go back keeps none of the others from it.

        Raises Incomplete with all that did not.
        """
        failed: list[str] = []
        for entry in reversed(entries):
            try:
                self._take_back(entry, leave_drift=leave_drift)
            except (HalftrackError, OSError) as error:
                failed.append(f"{entry.write.title}: {said(error)}")
        if failed:
            raise Incomplete(f"not taken back: {'; '.join(failed)}")

    def note(self, record: Record) -> None:
        """In the journal if that is possible."""
        try:
            self._journal.append(record)
        except (OutputFailed, PermissionMissing, FileNotFoundError) as error:
            said = f"the journal could not be written ({error})"
            if said not in self.unnoted:
                self.unnoted.append(said)

    def _take_back(self, entry: Entry, *, leave_drift: bool) -> None:
        seen = entry.write.look().seen
        if seen is Seen.OTHER and leave_drift:
            self.left.append(entry.write.title)
            return
        if seen is Seen.GONE:
            self.gone.append(entry.write.title)
        else:
            entry.write.undo()
            look = entry.write.look()
            if look.seen not in (Seen.BEFORE, Seen.GONE):
                raise Incomplete(f"it is {look.text} now")
        self.note(records.Restored(at=now(), index=entry.index, gone=seen is Seen.GONE))


def undo(
    journal: Journal,
    who: Who,
    why: str,
    *,
    force: bool = False,
    leave_drift: bool = False,
    known: Folded | None = None,
) -> Taking:
    """Take the change back.

    ``force``: also what somebody else has changed since; ``leave_drift``: all but that; ``known``: what
    it has come to, where the journal need not be read again. Raises Incomplete where it would touch
    another's work, HalftrackError, OSError.
    """
    folded = known or journal.folded()
    if not force and not leave_drift:
        refuse(folded)
    taking = Taking(journal)
    taking.note(records.Undoing(at=now(), who=who, why=why))
    taking.take_back(folded.standing, leave_drift=leave_drift)
    lasting_rules.announce(entry.write for entry in folded.standing)
    taking.note(records.Undone(at=now(), why=why))
    return taking


def refuse(folded: Folded) -> None:
    """Raise Incomplete where an undo would touch another's work."""
    later = _later_touching(folded)
    if later:
        number, title = later
        raise Incomplete(f"change {number} has touched the same since ({title}): undo {number} first")
    drifted, unseen = drift(folded)
    if unseen:
        raise Incomplete(f"whether somebody else has changed it cannot be seen: {'; '.join(unseen)}")
    if drifted:
        raise Incomplete(
            f"somebody else has changed it since: {'; '.join(drifted)}; --force puts it back anyway"
        )


def drift(folded: Folded) -> tuple[list[str], list[str]]:
    """What is neither as the change left it nor as it found it, and what cannot be looked at, a line each."""
    found: list[str] = []
    unseen: list[str] = []
    for entry in latest(folded):
        try:
            look = entry.write.look()
        except (HalftrackError, OSError) as error:
            unseen.append(f"{entry.write.title}: {said(error)}")
            continue
        if look.seen is Seen.OTHER:
            found.append(f"{entry.write.title}: now {look.text or 'absent'}")
    return found, unseen


def latest(folded: Folded) -> list[Entry]:
    """Of writes to the same thing, the last: it alone can be compared with what is there."""
    return list({entry.write.key: entry for entry in folded.standing}.values())


def _later_touching(folded: Folded) -> tuple[int, str] | None:
    """The newest later change in force that has written to the same, and what it wrote there."""
    keys = {entry.write.key for entry in folded.standing}
    return next(
        (
            (other.number, entry.write.title)
            for other in _later(folded)
            for entry in other.standing
            if entry.write.key in keys
        ),
        None,
    )


def written_since(folded: Folded) -> set[str]:
    """Keys of what later changes in force have written to."""
    return {entry.write.key for other in _later(folded) for entry in other.standing}


def _later(folded: Folded) -> Iterator[Folded]:
    """Later changes in force, the newest first."""
    for _, other in journals.every(damaged=[]):  # what one of them has changed since is seen as drift
        if other.number <= folded.number:
            return
        if not other.undone:
            yield other


def said(error: HalftrackError | OSError) -> str:
    """An error for people, without the numbers that Python has for some."""
    if isinstance(error, OSError):
        return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)
    return str(error)

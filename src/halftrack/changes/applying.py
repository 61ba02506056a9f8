"""Carrying a plan out: journal, do, look; step by step, and no further than the first that does not hold.

A step is whole or not at all: what had been written of one that failed is taken back at once.
Steps before it stay in force, for a relief that works is not to be taken away at night because a
cure did not; whoever asked for the plan is told the way back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from halftrack.changes import lasting_rules, making, persisting, records, undo
from halftrack.changes.clock import boottime_s, now
from halftrack.changes.writes import Seen
from halftrack.errors import HalftrackError, Incomplete
from halftrack.plans.actions import Drain, Persist

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from halftrack.changes.journal import Journal
    from halftrack.changes.writes.kinds import AnyWrite
    from halftrack.plans.actions import Action
    from halftrack.plans.document import Plan


class Stopped(Incomplete):
    """A step did not hold; ``stands``: earlier ones are in force. ``interrupted``: somebody stopped it."""

    def __init__(self, why: str, *, stands: bool, interrupted: bool = False) -> None:
        super().__init__(why)
        self.stands = stands
        self.interrupted = interrupted


class Draining(Protocol):
    """How a drain is run.

    ``noted``: called once with how many entries were drained and the file in which they are kept, also
    where it was stopped or failed on the way.
    """

    def __call__(self, action: Drain, journal: Journal, noted: Callable[[int, str | None], None]) -> None: ...


def apply(
    plan: Plan,
    journal: Journal,
    *,
    lasting: bool,
    drain: Draining,
    told: Callable[[str, str], None] = lambda _title, _result: None,
    between: Callable[[], None] = lambda: None,
) -> None:
    """Carry out what ``journal`` has begun. ``lasting``: write at once what makes it hold over a reboot.

    ``told``: the title of each write or drain, and how it ended. ``between``: called before each; it may
    raise KeyboardInterrupt. Raises Stopped.
    """
    work = Work(journal, told, between)
    step = 0
    try:
        for step, wanted in enumerate(plan.steps):
            for place, action in enumerate(wanted.actions):
                work.act(step, place, action, drain)
        if lasting:
            step = len(plan.steps)
            persist(plan, work)
        journal.append(records.Applied(at=now(), done_s=boottime_s()))
    except KeyboardInterrupt as error:
        raise _stopped(journal, step, "interrupted", interrupted=True) from error
    except (HalftrackError, OSError) as error:
        raise _stopped(journal, step, undo.said(error)) from error


def persist(plan: Plan, work: Work, steps: int | None = None) -> None:
    """Write what makes the first ``steps`` steps hold over a reboot, as far as a plan says how.

    Raises HalftrackError, OSError.
    """
    wanted = persisting.merged(plan, steps)
    if wanted == Persist():
        return
    writes = persisting.writes(wanted)
    work.write_all(len(plan.steps), 0, writes)
    lasting_rules.announce(writes)
    work.journal.append(records.Persisted(at=now()))


class Work:
    """Writes, one after the other, each announced in the journal before and noted in it after."""

    def __init__(
        self,
        journal: Journal,
        told: Callable[[str, str], None] = lambda _title, _result: None,
        between: Callable[[], None] = lambda: None,
    ) -> None:
        self.journal = journal
        self._told = told
        self._between = between
        self._next = len(journal.folded().entries)

    def act(self, step: int, place: int, action: Action, drain: Draining) -> None:
        """One action of a plan; what makes it last comes at the end, not here."""
        if isinstance(action, Drain):
            self._between()
            self.journal.append(records.Draining(at=now(), step=step, action=place))

            def noted(entries: int, file: str | None) -> None:
                self._told(f"drain {' '.join(action.filter)}", f"{entries:,} drained")
                self.journal.append(
                    records.Drained(at=now(), step=step, action=place, entries=entries, file=file)
                )

            drain(action, self.journal, noted)
        elif not isinstance(action, Persist):
            self.write_all(step, place, making.writes(action))

    def write_all(self, step: int, place: int, writes: Iterable[AnyWrite]) -> None:
        """Raises Incomplete where one does not hold, and what the write raises."""
        for write in writes:
            self._between()
            self._write(step, place, write)

    def _write(self, step: int, place: int, write: AnyWrite) -> None:
        index, self._next = self._next, self._next + 1
        self.journal.append(records.Writing(at=now(), index=index, step=step, action=place, write=write))
        try:
            write.do()
        except (HalftrackError, OSError):
            self._told(write.title, "failed")
            raise
        self.journal.append(records.Wrote(at=now(), index=index))
        look = write.look()
        if look.seen is not Seen.AFTER:
            self._told(write.title, "did not hold")
            what = "nothing is there" if look.text is None else f"it is {look.text}"
            raise Incomplete(f"{write.title}: written, but {what} now")
        self.journal.append(records.Verified(at=now(), index=index))
        self._told(write.title, "done, verified")


def _stopped(journal: Journal, step: int, why: str, *, interrupted: bool = False) -> Stopped:
    """Note why, and take back what there is of the step."""
    said = [why]
    taken = undo.Taking(journal)
    taken.note(records.Failed(at=now(), step=step, why=why))
    folded = journal.folded()
    try:
        taken.take_back([entry for entry in folded.standing if entry.step == step])
    except (HalftrackError, OSError) as error:
        said.append(f"and it could not be taken back: {undo.said(error)}")
        return Stopped("; ".join(said), stands=True, interrupted=interrupted)
    said += taken.unnoted
    stands = any(entry.step != step for entry in folded.standing) or folded.drained is not None
    if not stands:
        taken.note(records.Undone(at=now(), why=why))
    return Stopped("; ".join(said), stands=stands, interrupted=interrupted)

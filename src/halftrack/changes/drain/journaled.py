"""A drain of its own as a change among the others: one at a time, begun and ended in a journal."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from halftrack.changes import clock, lock, putting_back, records, trial, who
from halftrack.changes.drain.kept import FILE
from halftrack.changes.journal import Journal
from halftrack.diagnosis import words
from halftrack.diagnosis.document import Risk
from halftrack.draining.fates import DEAD_S
from halftrack.errors import HalftrackError, OutputFailed, PermissionMissing
from halftrack.kernel import identity
from halftrack.plans.actions import Drain, Where
from halftrack.plans.document import Effect, Plan, Step, identified

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from halftrack.changes.drain.looking import Looked
    from halftrack.diagnosis.filters import Filter
    from halftrack.draining.outcome import Outcome


@contextlib.contextmanager
def change(looked: Looked, wanted: Filter, outcome: Outcome, said: Callable[[str], None]) -> Iterator[Path]:
    """The directory of a new change; what ``outcome`` has come to in the end is noted in its journal.

    ``said``: what was finished of earlier changes. Raises Busy, OutputFailed, PermissionMissing.
    """
    with lock.held():
        for line in trial.finish_overdue():
            said(line)
        journal = Journal.new()
        journal.append(
            records.Begun(
                at=clock.now(),
                number=journal.number,
                who=who.asks(),
                plan=plan(looked, wanted),
                boot=identity.boot(),
                lasting=False,
            )
        )
        file = str(journal.directory / FILE)
        journal.append(records.Draining(at=clock.now(), step=0, action=0, file=file))
        try:
            yield journal.directory
        except (HalftrackError, OSError) as error:
            with contextlib.suppress(OutputFailed, PermissionMissing):
                _note(journal, outcome, looked)
                journal.append(records.Failed(at=clock.now(), step=0, why=str(error)))
            raise
        _note(journal, outcome, looked)
        if outcome.stopped:
            journal.append(records.Failed(at=clock.now(), step=0, why="interrupted"))
        else:
            journal.append(records.Applied(at=clock.now(), done_s=clock.boottime_s()))


def _note(journal: Journal, outcome: Outcome, looked: Looked) -> None:
    if outcome.file is not None:
        outcome.put_back = putting_back.command(_where(looked), outcome.file, identity.boot())
    journal.append(records.Drained(at=clock.now(), step=0, action=0, entries=outcome.done, file=outcome.file))


def _where(looked: Looked) -> Where:
    space = looked.table.namespace
    return Where(netns=space.name, path=space.path, inode=space.inode)


def plan(looked: Looked, wanted: Filter) -> Plan:
    """What the journal keeps of what was asked for: a plan of one step."""
    judgement = looked.judgement
    retimed = judgement.wish.mode == "retime"
    action = Drain(
        where=_where(looked),
        filter=tuple(str(term) for term in wanted.terms),
        mode=judgement.wish.mode,
        seconds=judgement.wish.seconds or DEAD_S,
        expected=judgement.changed,
    )
    step = Step(
        remedy="drain",
        kind="clear",
        title=f"drain {words.entries(judgement.changed)}: {wanted}",
        target=f"connection table of {looked.table.netns}",
        before=words.entries(judgement.matching),
        after="each left what is safe for it" if retimed else "what is proven dead removed",
        undo="none: what is drained is kept as a file for conntrack -R",
        verify=f"halftrack list {wanted} --count",
        effect=Effect(),
        risk=Risk(level="low" if not judgement.assured else "medium"),
        actions=(action,),
    )
    evidence = looked.evidence
    return identified(
        Plan(
            node=evidence.node,
            machine=identity.machine(),
            kernel=evidence.kernel,
            made_at=clock.now(),
            taken_at=evidence.taken_at,
            source="live",
            steps=(step,),
        )
    )

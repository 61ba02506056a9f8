"""Saying that a change on trial may stay: from then on it is undone by nobody, and lasts."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from halftrack.changes import applying, clock, operator, records, trial, undo, who
from halftrack.errors import HalftrackError, Incomplete, UsageError

if TYPE_CHECKING:
    from halftrack.changes.folding import Folded
    from halftrack.changes.journal import Journal


def keep(journal: Journal, folded: Folded) -> str:
    """Keep it, then write what makes it last; how it was said. Whoever calls holds the lock.

    Raises UsageError where there is nothing to keep, Incomplete where it does not count from here
    or where it is kept but does not last.
    """
    if folded.undone or folded.undoing:
        raise UsageError(f"change {folded.number} is undone: there is nothing to keep")
    if folded.kept or folded.armed is None:
        how = "it was kept already"
    else:
        why, how = operator.not_new(folded)
        if why is not None:
            raise Incomplete(f"change {folded.number} is not kept yet: {why}")
        journal.append(records.Kept(at=clock.now(), who=who.asks(), how=how))
        trial.disarm(folded)
    if folded.begun.lasting and not folded.persisted:
        try:
            applying.persist(folded.begun.plan, applying.Work(journal), folded.failed_step)
        except (HalftrackError, OSError) as error:
            _take_back(journal, len(folded.begun.plan.steps))
            raise Incomplete(
                f"change {folded.number} is kept, but not over a reboot: {error};"
                f" halftrack keep {folded.number} tries again"
            ) from error
    return how


def _take_back(journal: Journal, step: int) -> None:
    """What there is of the step that makes it last: whole or not at all, as every step."""
    with contextlib.suppress(HalftrackError, OSError):
        undo.Taking(journal).take_back([entry for entry in journal.folded().standing if entry.step == step])

"""From a plan that somebody agreed to, to a change: lock, look again, begin, arm, apply."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from halftrack.changes import applying, checking, clearing, clock, lock, records, trial, who
from halftrack.changes.journal import Journal
from halftrack.changes.stopping import Stopping
from halftrack.errors import HalftrackError, Incomplete, OutputFailed, PermissionMissing
from halftrack.kernel import identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.plans.document import Plan


@dataclass(frozen=True, slots=True)
class Terms:
    """``trial_s``: undone so many seconds later unless it is kept; None: it stays.

    ``lasting``: it is to hold over a reboot, from when it is kept.
    """

    trial_s: int | None = None
    lasting: bool = True


def fix(
    plan: Plan,
    terms: Terms,
    *,
    said: Callable[[str], None],
    told: Callable[[str, str], None],
    begun: Callable[[Journal], None] = lambda _: None,
) -> Journal:
    """Carry it out; the journal of the change.

    ``said``: what was finished of earlier changes; ``begun``: called before the first write;
    ``told``: as in ``apply``. Raises Busy, Incomplete (Stopped once it has begun), HalftrackError.
    """
    with lock.held(), Stopping() as stopping:
        for line in trial.finish_overdue():
            said(line)
        trial.refuse_beside()
        refuse(checking.check(plan, lasting=terms.lasting))
        journal = Journal.new()
        try:
            _begin(journal, plan, terms)
        except HalftrackError as error:
            _withdraw(journal, str(error))
            raise
        begun(journal)
        at_once = terms.lasting and terms.trial_s is None
        applying.apply(
            plan, journal, lasting=at_once, drain=clearing.drain, told=told, between=stopping.check
        )
    return journal


def refuse(checked: checking.Checked) -> None:
    """Raise Incomplete with all that does not hold any more, PermissionMissing where it is only that."""
    if checked.refused:
        kind = PermissionMissing if checked.denied.issuperset(checked.refused) else Incomplete
        raise kind(f"{'; '.join(dict.fromkeys(checked.refused))}: nothing was changed")


def _begin(journal: Journal, plan: Plan, terms: Terms) -> None:
    journal.append(
        records.Begun(
            at=clock.now(),
            number=journal.number,
            who=who.asks(),
            plan=plan,
            boot=identity.boot(),
            lasting=terms.lasting,
        )
    )
    if terms.trial_s is not None:
        trial.arm(journal, terms.trial_s)


def _withdraw(journal: Journal, why: str) -> None:
    """It never came to a first write; where there was no room for its first record, it never was."""
    with contextlib.suppress(OutputFailed, PermissionMissing):
        if journal.records():
            journal.append(records.Undone(at=clock.now(), why=why))
        else:
            journal.discard()

"""Carries a plan out, or takes a change back, and kills itself at one record of the journal.

As a program: ``killing.py apply PLAN N before|after`` and ``killing.py undo NUMBER N before|after``;
``try-S`` is ``apply`` on trial for S seconds, ``stop`` instead of ``before`` stops the process there.
N counts records from 1; 0 kills nobody.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.changes import applying, clock, lock, records, trial, undo, who
from halftrack.changes.journal import Journal
from halftrack.kernel import identity
from halftrack.plans import document

if TYPE_CHECKING:
    from halftrack.changes.records import Record


class Deadly(Journal):
    """Ends the process at its ``at``-th record, before or after that is on disk."""

    at = 0
    when = "before"
    seen = 0

    def append(self, record: Record) -> None:
        self.seen += 1
        if (self.seen, self.when) == (self.at, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        if (self.seen, self.when) == (self.at, "stop"):
            os.kill(os.getpid(), signal.SIGSTOP)
        super().append(record)
        if (self.seen, self.when) == (self.at, "after"):
            os.kill(os.getpid(), signal.SIGKILL)


def main(words: list[str]) -> None:
    what, arrival, at, when = words
    with lock.held():
        journal = Deadly(int(arrival)) if what == "undo" else Deadly.new()
        journal.at, journal.when = int(at), when
        if what == "undo":
            undo.undo(journal, who.asks(), "asked for")
            return
        plan = document.decode(Path(arrival).read_bytes())
        begun = records.Begun(
            at=clock.now(), number=journal.number, who=who.asks(), plan=plan, boot=identity.boot()
        )
        journal.append(begun)
        if what.startswith("try-"):
            trial.arm(journal, int(what.removeprefix("try-")))
        applying.apply(plan, journal, lasting=what == "apply", drain=lambda _action, _journal, _noted: None)


if __name__ == "__main__":
    main(sys.argv[1:])

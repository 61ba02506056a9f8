"""Drains what is one-sided in a namespace, and kills itself right before the N-th thing that it writes.

As a program: ``drain_killing.py NETNS retime|delete N``. Counted are records of the journal, lines that
are written and lines that are made sure of on disk, and datagrams that change entries; 0 kills nobody.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from halftrack.changes.drain import acting, journaled, looking
from halftrack.changes.drain.entries import Entries
from halftrack.changes.drain.kept import Kept
from halftrack.changes.drain.reins import Reins
from halftrack.changes.journal import Journal
from halftrack.diagnosis import filters
from halftrack.draining.fates import Wish
from halftrack.draining.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

_BATCH = 30


class Countdown:
    """Counts calls down over everything that is wrapped."""

    def __init__(self, left: int) -> None:
        self.left = left

    def before(self, holder: object, name: str) -> None:
        work: Callable[..., Any] = getattr(holder, name)

        def counted(*words: Any, **named: Any) -> Any:
            self.left -= 1
            if not self.left:
                os.kill(os.getpid(), signal.SIGKILL)
            return work(*words, **named)

        setattr(holder, name, counted)


def main(netns: str, mode: str, at: int) -> None:
    wanted, outcome = filters.parse(("one-sided",)), Outcome()
    looked = looking.look(wanted, Wish("delete" if mode == "delete" else "retime"), netns)
    countdown = Countdown(at)
    for holder, name in (
        (Journal, "append"),
        (Kept, "add"),
        (os, "fdatasync"),
        (Entries, "retime"),
        (Entries, "remove"),
    ):
        countdown.before(holder, name)
    with Reins() as reins, journaled.change(looked, wanted, outcome, print) as directory:
        acting.drain(looked, wanted, directory, outcome, reins, batch=_BATCH)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

"""A plan's drain, as a step of a change: what matches now, judged now, kept beside the journal."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Final

from halftrack.changes import spaces
from halftrack.errors import Incomplete

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.changes.drain.looking import Looked
    from halftrack.changes.journal import Journal
    from halftrack.diagnosis.filters import Filter
    from halftrack.draining.fates import Wish
    from halftrack.plans.actions import Drain

_GROWN: Final = 2
"""More than so many times the entries of the plan: that is another table than it was made for."""


def check(action: Drain) -> None:
    """Raise HalftrackError where it could not be run at all; what there is to drain is seen only then."""
    from halftrack.diagnosis import filters  # noqa: PLC0415  # heavy, for plans that drain

    spaces.find(action.where)
    if not filters.parse(action.filter).terms:
        raise Incomplete("a drain in the plan does not say which entries")
    if action.seconds < 1:
        raise Incomplete(f"a drain in the plan would leave entries {action.seconds} s")


def drain(action: Drain, journal: Journal, noted: Callable[[int, str | None], None]) -> None:
    """See ``applying.Draining``. Raises Incomplete, HalftrackError, OSError, KeyboardInterrupt."""
    from halftrack.changes.drain import looking  # noqa: PLC0415  # heavy, for plans that drain

    wanted, wish = asked(action)
    space = spaces.find(action.where)
    looked = looking.look(wanted, wish, action.where.path or action.where.netns)
    if looked.table.namespace.inode != space.inode:
        raise Incomplete(f"namespace {action.where.netns} is another one by now: nothing was drained")
    grown(action, looked.judgement.changed)
    act(looked, wanted, journal, noted)


def asked(action: Drain) -> tuple[Filter, Wish]:
    """Which entries the plan means, and what it wants done to them."""
    from halftrack.diagnosis import filters  # noqa: PLC0415  # likewise
    from halftrack.draining.fates import Wish  # noqa: PLC0415  # likewise

    wish = Wish(action.mode, None if action.mode == "delete" else action.seconds)
    return filters.parse(action.filter), wish


def grown(action: Drain, number: int) -> None:
    """Raise Incomplete where far more entries would be changed than the plan expects."""
    if action.expected is not None and number > _GROWN * action.expected:
        raise Incomplete(f"{number:,} entries match now, {action.expected:,} in the plan: make it anew")


def act(
    looked: Looked,
    wanted: Filter,
    journal: Journal,
    noted: Callable[[int, str | None], None],
    *,
    instead: str | None = None,
) -> None:
    """Drain what was judged. ``instead``: as in ``changes.drain.acting``. Raises as ``drain`` does."""
    from halftrack.changes.drain import acting  # noqa: PLC0415  # likewise
    from halftrack.changes.drain.reins import Reins  # noqa: PLC0415  # likewise
    from halftrack.draining.outcome import Outcome  # noqa: PLC0415  # likewise

    if not looked.judgement.changed:
        noted(0, None)
        return
    directory = journal.directory / f"drain-{len(list(journal.directory.iterdir()))}"
    directory.mkdir(mode=0o700)
    outcome = Outcome()
    try:
        with Reins() as reins:
            acting.drain(looked, wanted, directory, outcome, reins, instead=instead)
    finally:
        noted(outcome.done, outcome.file)
    if outcome.stopped:
        raise KeyboardInterrupt
    if reins.stopped:
        signal.raise_signal(signal.SIGINT)  # too late for this drain: it is for whoever goes on
    if outcome.refused:
        raise Incomplete(f"the kernel refused {outcome.refused:,} entries")

"""The process that takes a change back at its deadline: ``python -m halftrack.changes.guardian``.

It is started before the first write and outlives whoever started it: a session of its own, no
terminal, no open files. What it needs is loaded before it says that it is ready. Arguments: the
change, the deadline (seconds of CLOCK_BOOTTIME), a descriptor to say it on (-1: nobody waits), and
the process that makes the change.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

from halftrack.changes import lock, trial
from halftrack.changes.clock import boottime_s
from halftrack.changes.journal import Journal
from halftrack.errors import Busy, HalftrackError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.changes.folding import Folded

_LOOK_S: Final = 0.5
_PATIENCE_S: Final = 3.0
_LONG_PATIENCE_S: Final = 60.0
_TRIES: Final = 10
_IGNORED: Final = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGPIPE)
_OOM: Final = "/proc/self/oom_score_adj"


def main(words: list[str]) -> None:
    """Wait for the deadline; end early where the change is kept or undone."""
    journal, deadline_s, fd = Journal(int(words[0])), float(words[1]), int(words[2])
    maker = _maker(int(words[3])) if fd >= 0 else None
    if fd >= 0:
        _leave()
    for one in _IGNORED:
        signal.signal(one, signal.SIG_IGN)
    with contextlib.suppress(OSError), open(_OOM, "w", encoding="ascii") as file:  # noqa: PTH123  # of /proc
        file.write("-900")
    if fd >= 0:
        os.write(fd, trial.ARMED + str(os.getpid()).encode("ascii"))
        os.close(fd)
    known = _wait(journal, deadline_s)
    for _ in range(_TRIES):
        try:
            _take_back(journal, maker, known)
        except (HalftrackError, OSError):
            time.sleep(_PATIENCE_S)
        else:
            return


def _leave() -> None:
    """A second fork: nobody's child, and no leader of a session that could get a terminal."""
    if os.fork():
        os._exit(0)


def _wait(journal: Journal, deadline_s: float) -> Folded | None:
    """Until the deadline; what the journal last said, for it may be lost or damaged until then."""
    size = -1
    known: Folded | None = None
    while boottime_s() < deadline_s:
        with contextlib.suppress(OSError, HalftrackError):
            now = journal.path.stat().st_size
            if now != size:
                size = now
                known = journal.folded()
                if known.kept or known.undone:
                    sys.exit()
        time.sleep(max(0.0, min(_LOOK_S, deadline_s - boottime_s())))
    return known


def _take_back(journal: Journal, maker: int | None, known: Folded | None) -> None:
    """Raises HalftrackError, OSError; what was taken back until then is."""
    with _locked(maker):
        try:
            folded = journal.folded()
        except (HalftrackError, OSError):
            if known is None:
                raise
            folded = known
        if folded.on_trial:
            trial.finish(journal, folded)
            trial.disarm(folded)


@contextlib.contextmanager
def _locked(maker: int | None) -> Iterator[None]:
    """The lock; from a maker that hangs or was stopped it is taken away.

    Where it cannot be had at all, it goes on without: that the node can be reached again counts more.
    """
    with contextlib.ExitStack() as stack:
        for patience_s in (_PATIENCE_S, _LONG_PATIENCE_S):
            try:
                stack.enter_context(lock.held(patience_s))
            except Busy:
                if maker is not None:
                    with contextlib.suppress(OSError):
                        signal.pidfd_send_signal(maker, signal.SIGKILL)
            else:
                break
        yield


def _maker(pid: int) -> int | None:
    """A descriptor of the process that makes the change: its number may be another's later."""
    with contextlib.suppress(OSError):  # before Linux 5.3
        return os.pidfd_open(pid)
    return None


if __name__ == "__main__":
    main(sys.argv[1:])

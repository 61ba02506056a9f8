"""Changes that go by themselves unless they are kept in time.

A process armed before the first write waits for the deadline, whatever becomes of the one that
makes the change; where systemd runs, a timer of its stands behind it. Nothing that would hold over
a reboot is written before ``keep``, so that a reboot is an undo, too. And whatever later command
finds a change overdue, it takes it back first.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import halftrack
from halftrack.changes import journal as journals
from halftrack.changes import records, undo, who
from halftrack.changes.clock import boottime_s, now
from halftrack.errors import Busy, FeatureMissing, HalftrackError
from halftrack.kernel import files, identity, tools

if TYPE_CHECKING:
    from halftrack.changes.folding import Folded
    from halftrack.changes.journal import Journal

ARMED: Final = b"armed "
_HANDSHAKE_S: Final = 30.0
_SYSTEMD: Final = "/run/systemd/system"
_GRACE_S: Final = 5
"""The timer of systemd comes after the guardian."""


def arm(journal: Journal, seconds: int) -> None:
    """Have the change undone so many seconds from now. Raises FeatureMissing; nothing was changed then."""
    deadline_s = boottime_s() + seconds
    guardian = _start_guardian(journal, deadline_s)
    unit = _start_timer(journal, seconds + _GRACE_S)
    journal.append(
        records.Armed(
            at=now(),
            deadline_s=deadline_s,
            undone_at=now() + timedelta(seconds=seconds),
            guardian=guardian,
            unit=unit,
        )
    )


def disarm(folded: Folded) -> None:
    """Stop the timer; the guardian reads in the journal that it is not needed any more."""
    if folded.armed is not None and folded.armed.unit is not None:
        tools.attempt(["systemctl", "stop", f"{folded.armed.unit}.timer"])


def refuse_beside(*, overdue: bool = True) -> None:
    """Raise Busy where another change waits to be kept. ``overdue``: one that should be gone counts, too.

    Its undo could neither spare what is changed after it, nor what a later one makes last with it.
    """
    for _, folded in journals.every():
        if folded.on_trial and (overdue or not is_overdue(folded)):
            raise Busy(f"change {folded.number} is on trial: keep or undo it first")


def is_overdue(folded: Folded) -> bool:
    """Whether it should be gone by now; after a reboot it is, but for the journal."""
    if folded.armed is None or not folded.on_trial:
        return False
    return _rebooted(folded) or boottime_s() >= folded.armed.deadline_s


def _rebooted(folded: Folded) -> bool:
    """Whether the node was booted anew since the change began."""
    return folded.begun.boot != identity.boot()


def finish_overdue() -> list[str]:
    """Take back every overdue change, and say so, a line each; whoever calls holds the lock.

    Also said: what cannot be taken back, and journals that cannot be read.
    """
    said: list[str] = []
    for journal, folded in journals.every(said):
        if is_overdue(folded):
            try:
                said.append(finish(journal, folded))
            except (HalftrackError, OSError) as error:
                said.append(f"change {folded.number} is overdue and could not be undone: {error}")
    return said


def finish(journal: Journal, folded: Folded) -> str:
    """Take an overdue change back; what others have changed since stays. What was done, in a line."""
    why = "the node was booted anew" if _rebooted(folded) else "it was not kept in time"
    taking = undo.undo(journal, who.asks(), why, leave_drift=True, known=folded)
    said = f"change {folded.number} undone: {why}"
    if taking.left and not _rebooted(folded):
        said += f"; left, for somebody else has changed it since: {', '.join(taking.left)}"
    return said


def _start_guardian(journal: Journal, deadline_s: float) -> int:
    """Its process, once it has said that it is ready."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    try:
        subprocess.Popen(  # noqa: S603  # this program itself
            [*_python(), str(journal.number), repr(deadline_s), str(writing), str(os.getpid())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            pass_fds=(writing,),
            start_new_session=True,
        ).wait(_HANDSHAKE_S)
        os.close(writing)
        writing = -1
        ready = select.select([reading], [], [], _HANDSHAKE_S)[0]
        said = os.read(reading, 64) if ready else b""
    except (OSError, subprocess.TimeoutExpired) as error:
        raise FeatureMissing(f"no guardian could be started ({error}): nothing was changed") from error
    finally:
        os.close(reading)
        if writing >= 0:
            os.close(writing)
    if not said.startswith(ARMED):
        raise FeatureMissing("no guardian could be started: nothing was changed; --no-try does without")
    return int(said.removeprefix(ARMED))


def _start_timer(journal: Journal, seconds: int) -> str | None:
    """The unit's name, where systemd is there: it would undo what a kill of the whole session leaves."""
    if not files.is_directory(_SYSTEMD):
        return None
    unit = f"halftrack-undo-{journal.number}"
    passed = [f"--setenv={name}={value}" for name, value in _environment().items()]
    quietly = ["--quiet", "--collect", f"--unit={unit}", f"--on-active={seconds}s"]
    done = tools.attempt(
        ["systemd-run", *quietly, *passed, "--", *_python(), str(journal.number), "0", "-1", "0"]
    )
    return unit if done else None


def _python() -> list[str]:
    """This program's guardian, with nothing taken from the directory it is started in."""
    return [sys.executable, "-P", "-m", "halftrack.changes.guardian"]


def _environment() -> dict[str, str]:
    """What another process needs to find the same program and the same places."""
    ways = [str(Path(halftrack.__file__).parents[1]), *(way for way in sys.path if way)]
    ours = {name: value for name, value in os.environ.items() if name.startswith("HALFTRACK_")}
    return {"PATH": tools.PATH, "PYTHONPATH": os.pathsep.join(dict.fromkeys(ways)), **ours}

"""The last screen of findings in this terminal session: what ``plan 1`` and ``fix 1`` speak of.

A number means nothing without the screen that it stood on, so the screen is remembered for its
session alone: ids of its findings in their order, in a file that only its owner reads. A screen is
text that was written, to a terminal, a pager or a file; a document has no numbers.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.commands import run_dir, saving
from halftrack.errors import HalftrackError, UsageError
from halftrack.kernel import processes

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.planning import Wanted

_OTHERS: Final = ("sudo", "doas")
"""Programs that may put what they start into a session of its own."""


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """``started``: when the session's leader was, so that a number used again is another session.

    ``netns``: the one that was named for it.
    """

    session: int
    started: int
    taken_at: datetime | None = None
    sources: tuple[str, ...] = ()
    netns: str | None = None
    findings: tuple[str, ...] = ()


def remember(found: Diagnosis, sources: Sequence[str], netns: str | None = None) -> None:
    """Keep what was just shown; a place that cannot be written to is no trouble."""
    folder, session = _folder(), _session()
    if folder is None or session is None:
        return
    screen = Screen(
        session=session[0],
        started=session[1],
        taken_at=found.taken_at,
        sources=tuple(sources),
        netns=netns,
        findings=tuple(each.id for each in found.findings),
    )
    with contextlib.suppress(OSError, HalftrackError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _forget_old(folder)
        saving.save(msgspec.json.encode(screen), folder / str(session[0]))


def by_id(wanted: Sequence[Wanted], netns: str | None = None) -> tuple[Wanted, ...]:
    """Numbers of findings of this node as their ids. Raises UsageError where no screen tells them.

    ``netns``: the one that is looked at now. The findings of a screen of one namespace need not be
    found without its name: a table of few entries is only counted then.
    """
    if all(each.number is None for each in wanted):
        return tuple(wanted)
    from halftrack.planning import Wanted  # noqa: PLC0415  # for who names a number only

    screen = _last()
    return tuple(
        each if each.number is None else Wanted(each.word, finding=_id(screen, each.number, netns))
        for each in wanted
    )


def _id(screen: Screen | None, number: int, netns: str | None) -> str:
    if screen is None:
        why = "run halftrack doctor, or" if _folder() else "none is kept without XDG_RUNTIME_DIR,"
        raise UsageError(f"{number} is a number on no screen of this session: {why} name an id")
    if screen.sources:
        raise UsageError(
            f"the last screen was of {screen.sources[0]!a}, not of this node: name the finding's id"
        )
    if not 0 < number <= len(screen.findings):
        raise UsageError(f"there is no {number} on the last screen: it has {len(screen.findings)} findings")
    found = screen.findings[number - 1]
    if screen.netns is not None and netns is None:
        raise UsageError(
            f"{number} on the last screen is {found} of --netns {screen.netns}: say that here, too"
        )
    return found


def _last() -> Screen | None:
    folder, session = _folder(), _session()
    if folder is None or session is None:
        return None
    try:
        screen = msgspec.json.decode(run_dir.read(folder / str(session[0]), own=True), type=Screen)
    except (OSError, ValueError, RecursionError):
        return None
    return screen if (screen.session, screen.started) == session else None


def _folder() -> Path | None:
    """Where screens are kept; None for a user who has no such place."""
    own = run_dir.folder()
    return None if own is None else own / "screens"


def _session() -> tuple[int, int] | None:
    """The session that somebody types in, and when its leader was started."""
    process = os.getpid()
    for parent in processes.above(process):
        if processes.name(parent) not in _OTHERS:
            break
        process = parent
    try:
        session = os.getsid(process) or _first(process)
    except OSError:
        return None
    started = processes.started(session)
    return None if started is None else (session, started)


def _first(process: int) -> int:
    """The oldest ancestor that is seen: who stands for a leader outside this PID namespace."""
    return [process, *processes.above(process)][-1]


def _forget_old(folder: Path) -> None:
    """Screens of sessions that are over."""
    for file in folder.iterdir():
        if file.name.isdecimal() and not Path("/proc", file.name).exists():
            file.unlink(missing_ok=True)

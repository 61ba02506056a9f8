"""The diagnosis of the last scan, in a file: ``/run/halftrack/last.json``.

Checks read it, so that none of them has to look at the table itself. It names peers: its group may read
it, others may not.
"""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.commands import run_dir, saving
from halftrack.errors import HalftrackError, OutputFailed, PermissionMissing, UnreadableInput

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis

FILE: Final = "last.json"
_MODE: Final = 0o640
_LARGEST: Final = 64 << 20
_AHEAD: Final = timedelta(minutes=1)
"""Of what a clock that was set meanwhile may make of a moment."""


def keep(data: bytes) -> None:
    """Replace the last document, at once. Raises OutputFailed."""
    folder = run_dir.folder()
    if folder is None:
        raise OutputFailed(f"there is no place for {FILE}: HALFTRACK_RUN_DIR names one")
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputFailed(f"{str(folder)!a} could not be made: {error.strerror}") from error
    try:
        saving.save(data, folder / FILE, _MODE)
    except OutputFailed:
        raise
    except HalftrackError as error:  # something else than a file stands there
        raise OutputFailed(str(error)) from error


def read(fresh_s: int) -> Diagnosis:
    """The last document. Raises UnreadableInput where it is missing, too old or none; PermissionMissing."""
    import msgspec  # noqa: PLC0415  # for who reads one alone

    from halftrack.diagnosis.document import Diagnosis  # noqa: PLC0415  # likewise

    folder = run_dir.folder()
    if folder is None:
        raise UnreadableInput("where the last scan is kept is not known: HALFTRACK_RUN_DIR names the place")
    path = folder / FILE
    try:
        found = msgspec.json.decode(_bytes(path), type=Diagnosis)
    except FileNotFoundError:
        raise UnreadableInput(f"{path} is not there: halftrack export makes it") from None
    except PermissionError:
        raise PermissionMissing(f"{path} may be read by its owner and group alone") from None
    except OSError as error:
        raise UnreadableInput(f"{path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise UnreadableInput(f"{path} holds no diagnosis") from None
    age = None if found.taken_at is None else datetime.now(UTC) - found.taken_at
    if age is None or not -_AHEAD <= age <= timedelta(seconds=fresh_s):
        since = "" if age is None else f": it is of {found.taken_at:%Y-%m-%d %H:%M:%S} UTC"
        ahead = age is not None and age < timedelta()
        raise UnreadableInput(f"{path} is {'of the future' if ahead else 'too old'}{since}")
    return found


def _bytes(path: Path) -> bytes:
    """Raises OSError; ValueError where it is no plain file, or too large to be ours."""
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(number, "rb") as file:  # noqa: PTH123  # a descriptor, not a path
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
            raise ValueError(path)
        return file.read(_LARGEST)

"""Where what lives until the next boot is kept: ``/run/halftrack``, or what ``HALFTRACK_RUN_DIR`` says.

Files in it are replaced whole. Its group may read what a scan leaves there, others may not.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from halftrack.commands import saving
from halftrack.errors import HalftrackError, OutputFailed

_MODE: Final = 0o640
_LARGEST: Final = 64 << 20
_HERE: Final = Path("/")
_OF_ROOT: Final = "run/halftrack"


def folder(root: Path = _HERE) -> Path | None:
    """None for a user who has no such place.

    ``root``: of another node, where ``halftrack export`` ran as root. What the environment names counts
    first, and is a place of this one.
    """
    given = os.environ.get("HALFTRACK_RUN_DIR")
    if given:
        return Path(given)
    if root != _HERE or os.geteuid() == 0:
        return root / _OF_ROOT
    own = os.environ.get("XDG_RUNTIME_DIR")
    return Path(own) / "halftrack" if own else None


def keep(data: bytes, name: str) -> None:
    """Replace a file there, at once. Raises OutputFailed."""
    where = folder()
    if where is None:
        raise OutputFailed(f"there is no place for {name}: HALFTRACK_RUN_DIR names one")
    try:
        where.mkdir(mode=0o755, parents=True, exist_ok=True)
    except OSError as error:
        raise OutputFailed(f"{str(where)!a} could not be made: {error.strerror}") from error
    try:
        saving.tidy(where / name)
        saving.save(data, where / name, _MODE)
    except OutputFailed:
        raise
    except HalftrackError as error:  # something else than a file stands there
        raise OutputFailed(str(error)) from error


def read(path: Path, *, own: bool = False) -> bytes:
    """Raises OSError; ValueError where it is no plain file, too large to be ours or, where it has to be
    our user's ``own``, somebody else's.
    """
    number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    with open(number, "rb") as file:  # noqa: PTH123  # a descriptor, not a path
        about = os.fstat(number)
        if not stat.S_ISREG(about.st_mode) or about.st_size > _LARGEST:
            raise ValueError(path)
        if own and about.st_uid != os.geteuid():
            raise ValueError(path)
        return file.read(_LARGEST)

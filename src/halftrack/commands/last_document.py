"""The diagnosis of the last scan, in a file: ``/run/halftrack/last.json``.

Checks read it, so that none of them has to look at the table itself. It names peers: its group may read
it, others may not.
"""

from __future__ import annotations

from typing import Final

from halftrack.commands import run_dir, saving
from halftrack.errors import HalftrackError, OutputFailed

FILE: Final = "last.json"
_MODE: Final = 0o640


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

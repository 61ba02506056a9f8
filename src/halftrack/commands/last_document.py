"""The diagnosis of the last scan, in a file: ``/run/halftrack/last.json``.

Checks read it, so that none of them has to look at the table itself. It names peers.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from halftrack.commands import run_dir
from halftrack.errors import PermissionMissing, UnreadableInput

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.diagnosis.document import Diagnosis

_FILE: Final = "last.json"
_AHEAD: Final = timedelta(minutes=1)
"""Of what a clock that was set meanwhile may make of a moment."""


def keep(data: bytes) -> None:
    """Replace the last document, at once. Raises OutputFailed."""
    run_dir.keep(data, _FILE)


def read(fresh_s: int, root: Path) -> Diagnosis:
    """The last document of the node whose files are below ``root``.

    Raises UnreadableInput where it is missing, too old or none; PermissionMissing.
    """
    import msgspec  # noqa: PLC0415  # for who reads one alone

    from halftrack.diagnosis.document import Diagnosis  # noqa: PLC0415  # likewise

    folder = run_dir.folder(root)
    if folder is None:
        raise UnreadableInput("where the last scan is kept is not known: HALFTRACK_RUN_DIR names the place")
    path = folder / _FILE
    try:
        found = msgspec.json.decode(run_dir.read(path), type=Diagnosis)
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

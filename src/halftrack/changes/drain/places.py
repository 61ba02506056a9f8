"""Where a drain leaves its file: a directory of its own among the changes."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from halftrack.errors import OutputFailed, PermissionMissing

_STATE: Final = Path("/var/lib/halftrack")


def new() -> Path:
    """A new directory that only its owner can read. Raises OutputFailed, PermissionMissing."""
    changes = Path(os.environ.get("HALFTRACK_STATE_DIR") or _STATE) / "changes"
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%f")
    made = changes / f"drain-{now}-{os.getpid()}"
    try:
        changes.mkdir(mode=0o700, parents=True, exist_ok=True)
        made.mkdir(mode=0o700)
    except PermissionError as error:
        raise PermissionMissing(f"{changes} may not be written; HALFTRACK_STATE_DIR names another") from error
    except OSError as error:
        raise OutputFailed(f"{made} could not be made: {error.strerror}") from error
    return made

"""Where changes keep what they know, and where they write: each can be moved by the environment.

All raise UsageError for a path that is not whole: the guardian of a trial runs elsewhere, and a later
command may be typed elsewhere, and neither would find the change again.
"""

from __future__ import annotations

import os
from pathlib import Path

from halftrack.errors import UsageError


def state() -> Path:
    """The journals, one directory a change (``HALFTRACK_STATE_DIR``)."""
    return _named("HALFTRACK_STATE_DIR", Path("/var/lib/halftrack")) / "changes"


def run() -> Path:
    """What a reboot may take (``HALFTRACK_RUN_DIR``)."""
    return _named("HALFTRACK_RUN_DIR", Path("/run/halftrack"))


def etc() -> Path:
    """The node's configuration, for what is to hold over a reboot (``HALFTRACK_ETC_DIR``)."""
    return _named("HALFTRACK_ETC_DIR", Path("/etc"))


def in_etc(path: str) -> Path:
    """Where a file of ``/etc`` is then."""
    return etc() / Path(path).relative_to("/etc")


def config() -> Path:
    """Files of our own there (``HALFTRACK_CONFIG_DIR``)."""
    return _named("HALFTRACK_CONFIG_DIR", etc() / "halftrack")


def _named(variable: str, default: Path) -> Path:
    named = os.environ.get(variable)
    if not named:
        return default
    path = Path(named)
    if not path.is_absolute():
        raise UsageError(f"{variable} is {named!a}: write the whole path, from / on")
    return path

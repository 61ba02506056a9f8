"""Where changes keep what they know, and where they write: each can be moved by the environment."""

from __future__ import annotations

import os
from pathlib import Path


def state() -> Path:
    """The journals, one directory a change (``HALFTRACK_STATE_DIR``)."""
    return Path(os.environ.get("HALFTRACK_STATE_DIR") or "/var/lib/halftrack") / "changes"


def run() -> Path:
    """What a reboot may take (``HALFTRACK_RUN_DIR``)."""
    return Path(os.environ.get("HALFTRACK_RUN_DIR") or "/run/halftrack")


def etc() -> Path:
    """The node's configuration, for what is to hold over a reboot (``HALFTRACK_ETC_DIR``)."""
    return Path(os.environ.get("HALFTRACK_ETC_DIR") or "/etc")


def config() -> Path:
    """Files of our own there (``HALFTRACK_CONFIG_DIR``)."""
    named = os.environ.get("HALFTRACK_CONFIG_DIR")
    return Path(named) if named else etc() / "halftrack"

"""Where what lives until the next boot is kept: ``/run/halftrack``, or what ``HALFTRACK_RUN_DIR`` says."""

from __future__ import annotations

import os
from pathlib import Path


def folder() -> Path | None:
    """None for a user who has no such place."""
    given = os.environ.get("HALFTRACK_RUN_DIR")
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return Path("/run/halftrack")
    own = os.environ.get("XDG_RUNTIME_DIR")
    return Path(own) / "halftrack" if own else None

"""The program run as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def halftrack(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    """With its files in a directory of the test's own."""
    moved = {f"HALFTRACK_{name}_DIR": str(home / name.lower()) for name in ("STATE", "RUN", "CONFIG")}
    return subprocess.run(
        [sys.executable, "-m", "halftrack", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **moved},
    )


def piped(
    *words: str, stdin: bytes | None = None, cwd: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """In a directory, with bytes going in and coming out."""
    return subprocess.run(
        [sys.executable, "-m", "halftrack", *words],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        check=False,
        timeout=120,
        cwd=cwd,
    )

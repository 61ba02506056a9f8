"""The program run as a process, with its files in a directory of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def halftrack(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
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

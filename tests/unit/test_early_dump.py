"""The kernel dumps while the heavy libraries are imported, so nothing before a dump needs them."""

from __future__ import annotations

import subprocess
import sys


def test_asking_for_a_dump_imports_nothing_heavy() -> None:
    """All that ``live.examine`` imports before it asks."""
    program = (
        "import sys\n"
        "import halftrack.live\n"
        "from halftrack.live import entries, moment\n"
        "from halftrack.kernel.ctnetlink import PendingDump\n"
        "sys.exit(bool({'numpy', 'polars'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0

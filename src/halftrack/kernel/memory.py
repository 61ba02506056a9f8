"""How much memory the node has left."""

from __future__ import annotations

import re
from typing import Final

from halftrack.kernel import files

_AVAILABLE: Final = re.compile(r"^MemAvailable: *([0-9]+) kB$", re.MULTILINE)


def available_bytes() -> int | None:
    """MemAvailable of /proc/meminfo (proc(5)); None where the kernel does not say, before 3.14."""
    found = _AVAILABLE.search(files.text("/proc/meminfo") or "")
    return int(found[1]) << 10 if found else None

"""What a rehearsal took of the node."""

from __future__ import annotations

import os
import time
from typing import Final

from halftrack.kernel import files, slab
from halftrack.plans.rehearsal import Cost

_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Meter:
    """Runs from when it is made."""

    def __init__(self) -> None:
        self._begun_s = time.monotonic()
        self._cpu_s = _cpu_s()
        self._memory = _memory()
        self._most = self._memory

    def look(self) -> None:
        """How large this process is right now."""
        self._most = max(self._most, _memory())

    def cost(self, entries: int) -> Cost:
        """``entries``: that were made."""
        self.look()
        each = slab.entry_bytes()
        return Cost(
            seconds=round(time.monotonic() - self._begun_s, 2),
            cpu_s=round(_cpu_s() - self._cpu_s, 2),
            memory_bytes=self._most - self._memory,
            entries=entries,
            kernel_bytes=None if each is None else each * entries,
        )


def _cpu_s() -> float:
    """Of this process and of the tools that it waited for."""
    return sum(os.times()[:4])


def _memory() -> int:
    """Resident bytes of this process."""
    words = (files.text("/proc/self/statm") or "").split()
    return int(words[1]) * _PAGE if len(words) > 1 and words[1].isdecimal() else 0

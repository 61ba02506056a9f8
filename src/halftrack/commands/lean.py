"""For a scan that nobody waits for: little memory and processor rather than a quick answer.

Measured with 500,000 entries in 200 namespaces (benchmarks/export.py): thousands of questions to small
tables, for which threads and Polars' streaming engine cost more than they save.
"""

from __future__ import annotations

import ctypes
import gc
import os
from typing import Final

_POLARS: Final = {"POLARS_MAX_THREADS": "1", "POLARS_ENGINE_AFFINITY": "in-memory"}
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
"""malloc.h of glibc. Once set the threshold stays: else a large block given back raises it for good."""
_MAPPED_FROM: Final = 128 * 1024
_GARBAGE: Final = 50_000


def be_lean() -> None:
    """To be called before polars is imported. What somebody has set in the environment stays."""
    for name, value in _POLARS.items():
        os.environ.setdefault(name, value)
    gc.set_threshold(_GARBAGE)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)

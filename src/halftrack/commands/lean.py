"""For a scan that nobody waits for: little memory and processor rather than a quick answer.

Measured with 500,000 entries in 200 namespaces (benchmarks/export.py): thousands of questions to small
tables, for which threads and Polars' streaming engine cost more than they save.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_SETTINGS: Final = {
    "POLARS_MAX_THREADS": "1",
    "POLARS_ENGINE_AFFINITY": "in-memory",
    "OPENBLAS_NUM_THREADS": "1",  # numpy's: nothing here multiplies matrices, and its threads spin
    # Of Polars' allocator (jemalloc(3), TUNING): what is free goes back to the kernel at once.
    "_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:0,muzzy_decay_ms:0",
    # zoneinfo, which Polars imports, else loads all that Python was built with to find this one path.
    "PYTHONTZPATH": "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo",
}
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
"""malloc.h of glibc. Once set the threshold stays: else a large block given back raises it for good."""
_MAPPED_FROM: Final = 128 * 1024


def be_lean() -> None:
    """To be called before polars is imported. What somebody has set in the environment stays."""
    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    # OpenSSL's digests take 4 MB; hashlib has Python's own where these are not to be had.
    sys.modules.setdefault("_hashlib", None)  # type: ignore[arg-type]  # how an import is refused
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_ARENA_MAX, 1)
        mallopt(_M_MMAP_THRESHOLD, _MAPPED_FROM)


@contextlib.contextmanager
def without_collector() -> Iterator[None]:
    """Nobody looks for cycles of garbage meanwhile: hardly any come of a scan, none of a replay, and looking
    takes a tenth of a scan's time.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()

"""Memory of one entry, as the slab allocator tells it; root alone may read that."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

from halftrack.kernel import files

_PREFIX: Final = "nf_conntrack"
_NOT_ENTRIES: Final = ("expect", "helper", "count")
_LARGEST: Final = 1 << 16
_MOST_BYTES: Final = 16 << 20


def entry_bytes(root: Path = Path("/")) -> int | None:
    """Bytes that one entry takes in its slab, its extensions not counted. None: not readable."""
    return _from_sysfs(root / "sys/kernel/slab") or _from_slabinfo(root / "proc/slabinfo")


def _from_sysfs(directory: Path) -> int | None:
    with contextlib.suppress(OSError):
        for cache in sorted(directory.glob(f"{_PREFIX}*")):
            if _holds_entries(cache.name):
                return _plausible(files.number(cache / "slab_size"))
    return None


def _from_slabinfo(path: Path) -> int | None:
    for line in (files.text(path, _MOST_BYTES) or "").splitlines():
        words = line.split()
        if len(words) > 3 and _holds_entries(words[0]) and words[3].isdecimal():
            return _plausible(int(words[3]))
    return None


def _holds_entries(cache: str) -> bool:
    """Older kernels have one cache per namespace: ``nf_conntrack_ffff8800…`` or ``nf_conntrack_1``."""
    return cache.startswith(_PREFIX) and not any(word in cache for word in _NOT_ENTRIES)


def _plausible(size: int | None) -> int | None:
    return size if size is not None and 0 < size < _LARGEST else None

"""What was collected into a file, and what could not be had: as text, or as ``halftrack.collected/1``."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any, Final

from halftrack.diagnosis import words
from halftrack.evidence.printable import escaped

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.evidence.values import Evidence

_MB_FROM: Final = 1_000_000
_MOST_GAPS: Final = 10
"""A node of many containers has one for each that ended meanwhile."""


def document(seen: Evidence, path: Path, map_path: Path | None = None) -> dict[str, Any]:
    """``map_path``: where the map of the stand-ins is, if it was masked."""
    gaps = [{"what": gap.what, "why": gap.why, "needs": gap.needs} for gap in seen.gaps]
    mapped = {} if map_path is None else {"map": str(map_path)}
    return {"schema": "halftrack.collected/1", "file": str(path), "gaps": gaps, **mapped}


def text(seen: Evidence, path: Path, size: int, program: str) -> str:
    """``size``: of the file in bytes; ``program``: as it is started."""
    read = [table for table in seen.tables if table.flows is not None]
    entries = words.entries(sum(len(table.flows or ()) for table in read))
    tables = words.count(len(seen.tables), "namespace")
    more = len(seen.gaps) - _MOST_GAPS
    lines = [
        f"{escaped(str(path))}: {_size(size)}, {entries} of {len(read)} of {tables}",
        *(f"not in it: {escaped(gap.what)} ({escaped(gap.why)})" for gap in seen.gaps[:_MOST_GAPS]),
        *([f"not in it: {more:,} more, which doctor names"] if more > 0 else ()),
        f"read it with: {program} doctor {escaped(shlex.quote(str(path)))}",
    ]
    return "".join(f"{line}\n" for line in lines)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB" if size >= _MB_FROM else f"{size / 1e3:,.1f} kB"

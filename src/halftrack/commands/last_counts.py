"""Counters as they were added up until the last scan, in a file: ``/run/halftrack/counters.json``.

A scan is a process of its own, and a sum that is to rise only has to be known to the next one.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.commands import run_dir
from halftrack.errors import OutputFailed
from halftrack.reporters.prometheus import Sums, added

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.document import TableSummary

_FILE: Final = "counters.json"


def add(tables: Sequence[TableSummary], inodes: Mapping[str, int]) -> Sums | None:
    """The sums with what these tables of a scan add. None where they cannot be remembered.

    ``inodes``: of the namespaces, by their names.
    """
    sums = added(_last(), tables, inodes)
    try:
        run_dir.keep(msgspec.json.encode(sums), _FILE)
    except OutputFailed:
        return None
    return sums


def _last() -> Sums:
    """Those of the last scan; of the first one, and where what stands there is no such file, none."""
    folder = run_dir.folder()
    with contextlib.suppress(OSError, ValueError, RecursionError):
        if folder is not None:
            return msgspec.json.decode(run_dir.read(folder / _FILE), type=Sums)
    return Sums()

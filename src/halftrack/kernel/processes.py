"""Processes and who started them, as /proc tells (proc(5))."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.kernel import files

if TYPE_CHECKING:
    from collections.abc import Iterator

_PARENT: Final = 1
_STARTED: Final = 19
"""Places in ``/proc/PID/stat`` behind the name, from 0."""
_MOST_ABOVE: Final = 64


def above(pid: int) -> Iterator[int]:
    """A process's parent, and so on, as far as it is seen."""
    for _ in range(_MOST_ABOVE):
        pid = _number(pid, _PARENT) or 0
        if not pid:
            return
        yield pid


def name(pid: int) -> str:
    """What it calls itself; empty where it is gone."""
    return (files.text(f"/proc/{pid}/comm") or "").strip()


def started(pid: int) -> int | None:
    """When it was, in ticks of the clock since boot: with its number it is this process and no other."""
    return _number(pid, _STARTED)


def _number(pid: int, place: int) -> int | None:
    """The name before the fields may hold blanks and brackets."""
    fields = (files.text(f"/proc/{pid}/stat") or "").rpartition(")")[2].split()
    return int(fields[place]) if len(fields) > place and fields[place].isdecimal() else None

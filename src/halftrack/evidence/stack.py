"""Counters of a namespace's TCP and IP, as ``/proc/net/snmp`` and ``/proc/net/netstat`` name them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StackCounters:
    """One reading. ``values``: by group and name as the files have them, e.g. ``TcpExt.ListenDrops``.

    ``at_s`` is a monotonic clock. They count since the namespace was made. What a kernel does not
    count is not in it.
    """

    at_s: float
    values: Mapping[str, int]


def total(readings: tuple[StackCounters, ...], *names: str) -> int | None:
    """The sum of these counters at the last reading; None where none of them is known."""
    if not readings:
        return None
    known = [readings[-1].values[name] for name in names if name in readings[-1].values]
    return sum(known) if known else None


def rise(readings: tuple[StackCounters, ...], *names: str) -> int | None:
    """How far these counters together rose from the first reading to the last.

    None where there are not two readings that know one of them.
    """
    if len(readings) < 2:
        return None
    first, last = readings[0].values, readings[-1].values
    steps = [max(last[name] - first[name], 0) for name in names if name in first and name in last]
    return sum(steps) if steps else None


def seconds(readings: tuple[StackCounters, ...]) -> float | None:
    """Time between the first and the last reading; None where there are not two."""
    return readings[-1].at_s - readings[0].at_s if len(readings) > 1 else None

"""Counters of namespaces that share a name: what each of them counted while it was looked at, added up.

A sum of the kernel's own counters would fall with every namespace that ends, and so seem to begin anew.
What is added here is the difference between two scans of one namespace, so that the sum only ever rises.
A namespace that is seen for the first time adds nothing: nobody knows since when it had counted. Nor does one
whose counter has become less: the number of a namespace that ended is given to another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import msgspec

from halftrack.evidence.values import OWN
from halftrack.reporters.prometheus import spaces

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.diagnosis.document import TableSummary

FIELDS: Final = ("dropped_total", "dropped_early_total", "insert_failed_total")
_MOST: Final = 100
"""Names that are remembered, those that were lately used: one that comes back goes on where it was."""

Counts = dict[str, Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]]
"""By the names of ``FIELDS``, without those that are not known."""


class Sums(msgspec.Struct, frozen=True, kw_only=True):
    """``spaces``: what the kernel had counted at the last scan, by the inode of the namespace.

    ``labels``: the sums by what the namespaces are called; those that were used last come last.
    """

    spaces: dict[str, Counts] = {}
    labels: dict[str, Counts] = {}


def added(before: Sums, tables: Sequence[TableSummary], inodes: Mapping[str, int]) -> Sums:
    """The sums after a scan of these tables. ``inodes``: of the namespaces, by their names."""
    seen: dict[str, Counts] = {}
    risen: dict[str, Counts] = {}
    for table, label in zip(tables, spaces.labels(tables), strict=True):
        if label in OWN:
            continue
        inode, counts = inodes.get(table.netns), _counts(table)
        known = before.spaces.get(str(inode), {})
        if inode is not None:
            seen[str(inode)] = known | counts
        had = before.labels.get(label, {})
        total = risen.setdefault(label, dict(had))
        for field, count in counts.items():
            more = max(count - known.get(field, count), 0) if field in had else count
            total[field] = total.get(field, 0) + more
    kept = {label: total for label, total in before.labels.items() if label not in risen}
    return Sums(spaces=seen, labels=dict([*kept.items(), *risen.items()][-_MOST:]))


def _counts(table: TableSummary) -> Counts:
    return {field: count for field in FIELDS if (count := getattr(table, field)) is not None}

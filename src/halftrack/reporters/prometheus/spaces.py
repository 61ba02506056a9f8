"""What a table's series are called: few names, whatever runs on the node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import workloads
from halftrack.evidence.values import OWN, SELF
from halftrack.reporters.prometheus.names import OTHER
from halftrack.reporters.prometheus.text import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import TableSummary

NAMESPACES: Final = 3
"""Besides the node's own."""


def labels(tables: Sequence[TableSummary]) -> list[str]:
    """What each table is called: the node's own, those nearest to their limit, the rest ``other``."""
    called = [
        table.netns if table.netns in OWN else _told_apart(workloads.of_table(table)) for table in tables
    ]
    worst: dict[str, tuple[float, int]] = {}
    for table, label in zip(tables, called, strict=True):
        if label not in OWN:
            worst[label] = max(worst.get(label, (0.0, 0)), (share(table) or 0.0, table.entries or 0))
    ranked = sorted(worst, key=lambda label: (worst[label], label), reverse=True)
    kept = {*OWN, *ranked[: NAMESPACES - called.count(SELF)]}
    return [label if label in kept else OTHER for label in called]


def share(table: TableSummary) -> float | None:
    """Entries as a share of the limit; None: there is none, or one of them is not known."""
    return table.entries / table.limit if table.limit and table.entries is not None else None


def _told_apart(name: str) -> str:
    label = printable(name)
    return f"{label}-" if label in (*OWN, OTHER) else label

"""How many entries a filter takes, told by the entries' own columns alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis.filters import spellings
from halftrack.diagnosis.filters.expression import Surroundings, expression

if TYPE_CHECKING:
    from halftrack.diagnosis.filters import Filter
    from halftrack.evidence.values import Evidence


def number(seen: Evidence, wanted: Filter) -> int:
    """For filters that need neither a view nor the symptoms. Raises UsageError as ``choosing`` does."""
    tables = [(table.netns, table.flows) for table in seen.tables if table.flows is not None]
    spellings.check(wanted, [flows.opaque for _, flows in tables])
    total = 0
    for netns, flows in tables:
        if wanted.terms and len(flows):
            takes = expression(wanted, Surroundings(netns, flows.opaque))
            total += int(flows.frame.lazy().select(takes.sum()).collect().item())
        else:
            total += len(flows)
    return total

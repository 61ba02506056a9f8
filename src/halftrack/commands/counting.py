"""How many entries a filter takes, told by the entries' own columns alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis.filters import spellings
from halftrack.diagnosis.filters.expression import Surroundings, expression, untold

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from halftrack.diagnosis.filters import Filter
    from halftrack.evidence.values import Evidence


def counted(seen: Evidence, wanted: Filter) -> Iterator[tuple[int, Mapping[str, int]]]:
    """For each table how many, and what it does not tell (see ``chosen.Chosen.untold``).

    For filters that need neither a view nor the symptoms. Raises UsageError as ``choosing`` does.
    """
    tables = [(table.netns, table.flows) for table in seen.tables if table.flows is not None]
    spellings.check(wanted, [flows.opaque for _, flows in tables])
    for netns, flows in tables:
        around = Surroundings(netns, flows.opaque)
        takes = expression(wanted, around)
        yield (
            int(flows.frame.lazy().select(takes.sum()).collect().item()),
            untold(flows.frame, wanted, around),
        )

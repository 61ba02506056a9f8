"""When short-lived entries are more than a table's everyday life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from halftrack.diagnosis.view import View

FEWEST: Final = 50
_OF_TABLE: Final = 0.1
OF_LIMIT: Final = 0.01


def crowd(entries: int, view: View) -> bool:
    """At least 50 entries and a tenth of the table, or a hundredth of its limit."""
    if entries < FEWEST:
        return False
    limit = view.table.limit
    return entries >= _OF_TABLE * view.flows.height or bool(limit and entries >= OF_LIMIT * limit)

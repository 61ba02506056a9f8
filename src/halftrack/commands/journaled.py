"""What changes of ours replaced, as evidence of the running node: its journal is a source like others."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from halftrack.changes.retimed import History
    from halftrack.commands.options import Options
    from halftrack.evidence.values import Evidence


def history(seen: Evidence, given: Options) -> History:
    """Newest first; empty where it is not about this node as it runs."""
    if seen.source != "live" or seen.taken_at is None or given.root != Path("/"):
        return ()
    from halftrack.changes import retimed  # noqa: PLC0415  # after the dump has begun

    return retimed.history(seen.taken_at, seen.up_s)


def with_replaced(seen: Evidence, told: History) -> Evidence:
    """The evidence, with what the timeouts of its tables were before. ``told``: see ``history``."""
    if not told:
        return seen
    from halftrack.changes import retimed  # noqa: PLC0415  # as above

    return replace(seen, tables=tuple(retimed.with_replaced(table, told) for table in seen.tables))

"""What was not seen, and whether the disease could hide there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import Gap
from halftrack.diagnosis.symptoms import stale_nat

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halftrack.diagnosis.document import TableSummary
    from halftrack.evidence.values import Evidence, Table

CAUSES: Final = frozenset(
    {"slow-path", "shaping", "syn-flood", "asymmetric-path", "direct-return", "hooks-off", "table-flush"}
)
"""What gaps may have told that is no disease but its reason."""
_LONG_S: Final = 5.0
"""An examination that takes longer leaves much untold of connections that are in use."""
_LIMIT = "sysctl net.netfilter.nf_conntrack_max"


def of(evidence: Evidence, untold: Iterable[Gap] = ()) -> tuple[Gap, ...]:
    """The gaps that the readers state, and those that follow from what is not there.

    ``untold``: those of the entries, see ``of_entries``.
    """
    stated = tuple(
        Gap(what=gap.what, why=gap.why, needs=gap.needs, would_tell=gap.would_tell, netns=gap.netns)
        for gap in evidence.gaps
    )
    return (*stated, *untold, *_of_text(evidence))


def of_sockets(tables: Iterable[TableSummary], evidence: Evidence) -> tuple[Gap, ...]:
    """Of a busy node: sockets that may have lost their entries, or opened since these were read."""
    if evidence.seconds < _LONG_S:
        return ()
    return tuple(
        Gap(
            what=f"whether {words.count(table.sockets.untold, 'connected socket')} lost an entry",
            why=f"they were in use while the node was looked at, which took {evidence.seconds:.0f} s",
            would_tell=("forgotten",),
            netns=table.netns,
        )
        for table in tables
        if table.sockets is not None and table.sockets.untold
    )


def complete(evidence: Evidence, gaps: Sequence[Gap]) -> bool:
    """Whether nothing that could hide the disease was unread.

    A gap that would have told nothing hides nothing: a namespace that ended while we looked and that
    nobody had named. Nor does one that would only have told why.
    """
    given = evidence.input
    return not (
        any(not CAUSES.issuperset(gap.would_tell) for gap in gaps)
        or given.truncated
        or given.unreadable
        or given.visible < 1
        or not evidence.tables
        or any(table.flows is None and not table.skipped for table in evidence.tables)
        or any(table.unreadable for table in evidence.tables)
        or any(table.limit is None for table in evidence.tables if not table.skipped)
    )


def of_entries(table: Table, evidence: Evidence) -> Iterator[Gap]:
    """Entries that wait for an address behind translation of which nobody can say whether it is gone."""
    waiting = stale_nat.unjudged(table, evidence)
    if waiting:
        yield Gap(
            what=f"the target of {waiting:,} unanswered, translated entries",
            why="no namespace that was read has its address; another machine may",
            would_tell=(stale_nat.SYMPTOM.slug,),
            netns=table.netns,
        )


def _of_text(evidence: Evidence) -> Iterator[Gap]:
    """What files do not say although it matters; the live node states its own gaps."""
    if not evidence.tables or evidence.source == "live":
        return
    told = {gap.what for gap in evidence.gaps}
    if not evidence.of_node:
        yield from (gap for gap in _of_copied(evidence) if gap.what not in told)
    if evidence.taken_at is None and "time" not in told:
        yield Gap(
            what="time", why="not in the file", needs=("date -u",), would_tell=("since when", "full when")
        )


def _of_copied(evidence: Evidence) -> Iterator[Gap]:
    """What somebody who copied a table left out."""
    table = evidence.tables[0]
    if table.limit is None:
        yield Gap(
            what="limit",
            why="not in the file",
            needs=(_LIMIT,),
            would_tell=("table-pressure", "hash-too-small"),
        )
    if not any("timeout" in name for name in table.settings):
        yield Gap(
            what="settings",
            why="not in the file",
            needs=("sysctl net.netfilter",),
            would_tell=("settings", "since when"),
        )
    if evidence.kernel is None:
        yield Gap(what="kernel", why="not in the file", needs=("uname -r",), would_tell=("one-sided",))

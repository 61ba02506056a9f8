"""How far a table as text can go, and the line that settles the rest.

It tells who was heard, how many there are and since when. Why is told by what lies around the table: sockets,
queues and counters where the connections end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.causes import facts
from halftrack.diagnosis.document import Reason

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case

_LINES: Final = {
    "one-sided": "ss -tin{service}; tc -s qdisc; nstat -az",
    "idle-established": "ss -tano{service}",
    "half-open": "ss -ltn{service}; nstat -az",
    "half-closed": "ss -tan state close-wait{service}",
    "unreplied-udp": "ss -lun{service}",
}


def line(case: Case) -> str | None:
    """What to type where they end; None where more than a table was seen, or nothing is known that helps."""
    known = _LINES.get(case.symptom)
    if known is None or case.view.evidence.of_node:
        return None
    return known.format(service=_service(case))


def limit(case: Case) -> Reason | None:
    """What a table alone does not tell."""
    if case.view.evidence.of_node:
        return None
    what = "a table as text alone: who was heard, how many and since when, and not why"
    return Reason(what=what, source=facts.entries_of(case.view))


def _service(case: Case) -> str:
    """The port of most of them, as a filter of ss; empty where it has none."""
    some = case.rows.sample("service", "side").drop_nulls("service")
    counted = some.group_by("service", "side").len().sort("len", "service", descending=[True, False])
    if counted.is_empty():
        return ""
    service, side, _ = counted.row(0)
    _, _, port = str(service).partition("/")
    if not port.isdigit():
        return ""
    return f" '{'dport' if side == 'client' else 'sport'} = :{port}'"

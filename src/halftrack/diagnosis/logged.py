"""What the kernel's log says, of a table and of a service.

Rate limits hold lines back and logs are cut, so that what is there is at least so much, and what is not
there proves nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import Logged
from halftrack.evidence.kernel_log import Stamp
from halftrack.evidence.values import HOST

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from halftrack.evidence.kernel_log import Kind, Lines
    from halftrack.evidence.values import Evidence, Table

NOW: Final = timedelta(minutes=10)
"""What was logged so shortly before is taken to go on."""
_NODE: Final = "0"
"""What OpenVZ calls the node among its containers."""


def full(evidence: Evidence) -> Mapping[str, Logged]:
    """Packets dropped as a table was full, by its namespace; none where the log was not read or has none.

    Kernels before 6.18.26 do not log of which namespace, and of a report nobody knows their numbers: such
    lines are the fullest table's of those that may have dropped something.
    """
    lines = of_kind(evidence, "table-full")
    if not lines:
        return {}
    may = [each for each in evidence.tables if _may_have_dropped(each)]
    inside = [each for each in may if each.namespace.inode is None and each.netns != HOST]
    numbers = {each.namespace.inode for each in evidence.tables}
    unknown = [each for each in lines if each.netns_inode is not None and each.netns_inode not in numbers]
    plain = [each for each in lines if each.netns_inode is None and each.container is None]
    found: dict[str, Logged] = {}
    for some, tables in ((unknown, inside), (plain, may)):
        if some and tables:
            certain = len(tables) == 1 and some is plain
            found[max(tables, key=_fullness).netns] = _logged(some, evidence, certain=certain)
    for table in may:
        own = [each for each in lines if _names(each, table)]
        if own:
            found[table.netns] = _logged(own, evidence, certain=True)
    return found


def of_kind(evidence: Evidence, kind: Kind) -> list[Lines]:
    return [each for each in evidence.log.lines if each.kind == kind] if evidence.log else []


def recent(stamp: Stamp | datetime | None, evidence: Evidence, within: timedelta) -> bool:
    """Whether it was written so shortly before the evidence was taken."""
    at = stamp.at if isinstance(stamp, Stamp) else stamp
    return at is not None and evidence.taken_at is not None and evidence.taken_at - at <= within


def _names(lines: Lines, table: Table) -> bool:
    """Whether they say that it was this table.

    Numbers of namespaces that are gone are given to others, so that its own counters have to agree.
    """
    if lines.netns_inode is not None:
        return lines.netns_inode == table.namespace.inode and bool(table.counters)
    if lines.container == _NODE:
        return table.netns == HOST
    owner = table.namespace.owner
    return lines.container is not None and owner is not None and lines.container in {owner.id, owner.name}


def _may_have_dropped(table: Table) -> bool:
    """Counters begin with the namespace: one that counted nothing never dropped anything."""
    return not table.counters or table.counters[-1].values.get("drop") != 0


def _fullness(table: Table) -> tuple[float, bool]:
    return (table.count or 0) / table.limit if table.limit else 0.0, table.netns == HOST


def _logged(lines: Iterable[Lines], evidence: Evidence, *, certain: bool) -> Logged:
    lines = list(lines)
    firsts = [each.first.at for each in lines if each.first.at is not None]
    lasts = [each.last.at for each in lines if each.last.at is not None]
    return Logged(
        lines=sum(each.count for each in lines),
        suppressed=sum(each.count for each in of_kind(evidence, "suppressed")),
        first=min(firsts, default=None),
        last=max(lasts, default=None),
        source=max(lines, key=lambda each: each.count).source,
        certain=certain,
    )

"""Looking at a table before it is drained: what the filter takes, and what may be done to each entry."""

from __future__ import annotations

import importlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack import live
from halftrack.diagnosis import filters
from halftrack.diagnosis.filters import spellings
from halftrack.diagnosis.filters.vocabulary import DERIVED, JUDGED
from halftrack.errors import FeatureMissing, Incomplete, PermissionMissing
from halftrack.evidence import uapi
from halftrack.evidence.selection import EVERYTHING, Selection

if TYPE_CHECKING:
    from types import ModuleType

    from halftrack.diagnosis.filters import Filter
    from halftrack.draining.fates import Wish
    from halftrack.draining.judging import Judgement
    from halftrack.evidence.values import Evidence, Table

_ONE_SIDED: Final = Selection(l4proto=uapi.IPPROTO_TCP, status=0, status_mask=uapi.IPS_SEEN_REPLY)
_ALL_ONE_SIDED: Final = (
    _ONE_SIDED,
    Selection(l4proto=uapi.IPPROTO_TCP),
    Selection(status=0, status_mask=uapi.IPS_SEEN_REPLY),
)
"""What the kernel can be asked for that takes in every one-sided entry, short of the whole table."""


@dataclass(frozen=True, slots=True)
class Looked:
    """``read_at_s``: monotonic, no earlier than the moment at which the last entry was read.

    ``untold``: by term of the filter, of how many entries the table does not tell whether it holds.
    """

    evidence: Evidence
    judgement: Judgement
    read_at_s: float
    untold: Mapping[str, int]

    notes: tuple[str, ...] = ()

    @property
    def table(self) -> Table:
        return self.judgement.view.table


def look(wanted: Filter, wish: Wish, netns: str) -> Looked:
    """``netns``: as ``live.examine`` takes it, of one namespace.

    The kernel is asked before anything heavy is loaded, and for no more than has to be seen. Raises
    UsageError, PermissionMissing, FeatureMissing; Incomplete where the table was read in part.
    """
    spellings.check(wanted)
    narrow = filters.selection(wanted)
    # What is concluded from a table as a whole must see the whole of it.
    asked = EVERYTHING if wanted.uses(*DERIVED, *JUDGED) else narrow
    evidence, read_at_s = _read(netns, asked)
    table = table_of(evidence)
    from halftrack.changes.drain import judged  # noqa: PLC0415  # as ``_judging``

    found = judged.judged(table, evidence, wanted, wish, one_sided=_tells_one_sided(asked, table))
    if found.open:
        known = table.addresses is not None and _takes_one_sided_alone(narrow)
        evidence, read_at_s = _read(netns, _ONE_SIDED if known else EVERYTHING)
        found = judged.judged(table_of(evidence), evidence, wanted, wish, one_sided=True)
    notes = tuple(judged.notes(found))
    return Looked(evidence, found.judgement, read_at_s, found.untold, notes)


def _read(netns: str, selection: Selection) -> tuple[Evidence, float]:
    # In depth: sockets and routes show that what looks dead is the traffic, as they show it to the doctor.
    evidence = live.examine(
        netns,
        selection=selection,
        sockets=True,
        counters_interval_s=0.0,
        in_depth=True,
        meanwhile=_judging,
    )
    read_at_s = time.monotonic()
    from halftrack.changes import retimed  # noqa: PLC0415  # as ``_judging``

    return retimed.known(evidence, retimed.journals()), read_at_s


def _judging() -> ModuleType:
    """What judges, with all that it loads."""
    return importlib.import_module("halftrack.changes.drain.judged")


def _tells_one_sided(asked: Selection, table: Table) -> bool:
    """Whether all one-sided entries were read, and by themselves tell which end of them is ours."""
    return asked.of_every_entry or (asked in _ALL_ONE_SIDED and table.addresses is not None)


def _takes_one_sided_alone(narrow: Selection) -> bool:
    unanswered = narrow.status_mask & uapi.IPS_SEEN_REPLY and not narrow.status & uapi.IPS_SEEN_REPLY
    return bool(unanswered) and narrow.l4proto == uapi.IPPROTO_TCP


def table_of(evidence: Evidence) -> Table:
    """The one table whose entries were asked for. Raises as ``look`` does."""
    read = [table for table in evidence.tables if table.flows is not None and not table.skipped]
    gaps = [gap for gap in evidence.gaps if "one-sided" in gap.would_tell]
    if read and read[0].flows is not None and read[0].flows.frame["id"].null_count():
        raise PermissionMissing("changing entries of the connection table needs CAP_NET_ADMIN")
    if not read:
        what = "; ".join(dict.fromkeys(f"{gap.what} ({gap.why})" for gap in gaps)) or "no connection table"
        needs = dict.fromkeys(need for gap in gaps for need in gap.needs)
        if needs:
            raise PermissionMissing(f"{what}: needs {', '.join(needs)}")
        raise FeatureMissing(f"{what}: nothing was drained")
    if gaps:
        raise Incomplete(f"{gaps[0].what} ({gaps[0].why}): nothing was drained")
    return read[0]

"""Removing all that matches by one message to the kernel, where it compares before it deletes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from halftrack.changes.drain.verifying import Done
from halftrack.draining import at_once
from halftrack.draining.fates import Fate
from halftrack.kernel.ctnetlink.compare_delete import Kernel

if TYPE_CHECKING:
    from halftrack.changes.drain.kept import Kept
    from halftrack.changes.drain.verifying import Verifier
    from halftrack.diagnosis.filters import Filter
    from halftrack.draining.judging import Judgement

_SLICE: Final = 50_000
"""Rows that are looked at and written together."""


def remove(
    judgement: Judgement, wanted: Filter, netns_path: str | None, kept: Kept, verifier: Verifier
) -> bool:
    """Whether it could be done so; where not, nothing was done. Raises as ``drain`` does."""
    proofs, outcome = verifier.proofs, verifier.outcome
    sport = at_once.port(wanted)
    sources = () if sport is None else at_once.servers(judgement, sport)
    kernel = Kernel(netns_path)
    if sport is None or not sources or not kernel.can:
        return False
    rows = (judgement.fates == Fate.DEAD).fill_null(value=False).arg_true()
    flows = judgement.view.flows
    proofs.refresh(always=True)
    for start in range(0, len(rows), _SLICE):
        if not proofs.dead(flows[rows.slice(start, _SLICE)]).all():
            return False  # one by one, then
    outcome.not_reached = len(rows)
    for start in range(0, len(rows), _SLICE):
        kept.add(flows[rows.slice(start, _SLICE)])
    for source in sources:
        kernel.remove(source, sport)
    outcome.not_reached = 0
    verifier([Done(rows, Fate.DEAD, 0, time.monotonic())])
    outcome.spoke = outcome.restored or 0
    outcome.restored = 0
    outcome.removed = outcome.went or 0
    return True

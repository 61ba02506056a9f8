"""unknown: nothing here reaches the point of being likely; what would tell is named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import shape
from halftrack.diagnosis.causes import facts, one_way, settling
from halftrack.diagnosis.document import Cause, Reason

if TYPE_CHECKING:
    from halftrack.diagnosis.case import Case

_WOULD_TELL: Final = {
    "half-open": ("whether the service answers: ss -ltn at its owner; a capture of its answers",),
    "half-closed": ("which side has not closed: ss -tan state close-wait at both ends",),
    "unreplied-udp": ("whether the service answers: ss -lun at its owner; a capture of its answers",),
    "stale-nat": ("the addresses of every namespace",),
}

_ALIKE: Final = ("slow-path", "shaping", "syn-flood")
"""Causes that a table shows alike: what one of them lacks is what tells."""


def weigh(case: Case, others: Sequence[Cause]) -> Cause:
    """``others``: the causes that were weighed, likeliest first. Confident as far as the first is not."""
    best = others[0].confidence if others else 0.0
    few = case.rows.height < shape.FEWEST
    here = facts.entries_of(case.view)
    told = (
        Reason(what="entries, too few for a pattern", value=case.rows.height, source=here) if few else None,
        settling.limit(case),
    )
    return Cause(
        cause="unknown",
        confidence=round(1 - best, 2),
        for_=tuple(reason for reason in told if reason is not None),
        missing=_missing(case, others),
        settled_by=settling.line(case),
    )


def _missing(case: Case, others: Sequence[Cause]) -> tuple[str, ...]:
    evidence, table = case.view.evidence, case.view.table
    missing = list(_WOULD_TELL.get(case.symptom, ()))
    if one_way.concerned(case):
        missing += [what for cause in others if cause.cause in _ALIKE for what in cause.missing]
    if case.symptom in {"idle-established", "one-sided"} and not facts.sockets_read(case):
        missing.insert(0, "the owner's sockets: ss -tan in its namespace")
    if evidence.kernel is None:
        missing.append("the kernel's release: uname -r")
    if not table.settings:
        missing.append("the settings: sysctl net.netfilter")
    if evidence.taken_at is None:
        missing.append("when the dump was taken: date -u")
    return tuple(missing)

"""Causes: why a symptom is there, weighed on what the table, its settings and sockets show.

One file each; a cause that does not concern a symptom, or has nothing at all for it, is silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.diagnosis.causes import (
    asymmetric_path,
    direct_return,
    facts,
    hooks_off,
    idle_pool,
    injected,
    long_close_wait,
    owner_removed,
    parts,
    rst_ignored,
    scan,
    shaping,
    slow_path,
    syn_flood,
    table_flush,
    unknown,
    vanished_peer,
)
from halftrack.diagnosis.causes.weighing import SHARED
from halftrack.diagnosis.document import LIKELY, Cause, Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.causes.parts import Part

CAUSES: Final[tuple[Callable[[Case], Cause | None], ...]] = (
    asymmetric_path.weigh,
    direct_return.weigh,
    hooks_off.weigh,
    idle_pool.weigh,
    injected.weigh,
    long_close_wait.weigh,
    owner_removed.weigh,
    rst_ignored.weigh,
    scan.weigh,
    shaping.weigh,
    slow_path.weigh,
    syn_flood.weigh,
    table_flush.weigh,
    vanished_peer.weigh,
)

_MIXED: Final = frozenset({"one-sided", "orphaned", "idle-established"})
"""Symptoms that last: their entries are of many days and makings."""


def weigh_all(case: Case) -> tuple[Cause, ...]:
    """Every cause that has something for it, likeliest first; ``unknown`` leads where none reaches 0.5.

    What one large part of the entries makes likely counts, and says so. Empty for a case without rows.
    """
    if not case.rows.height:
        return ()
    found = each(case)
    split = tuple(parts.of(case))
    shown = [(part, each(part.case)) for part in split]
    if case.symptom in _MIXED and sum(part.share for part in split) >= facts.MOSTLY:
        found = {name: _in_no_part(cause, case, [each for _, each in shown]) for name, cause in found.items()}
    for part, causes in shown:
        for name, cause in causes.items():
            reached = found[name].confidence if name in found else 0.0
            if cause.confidence >= LIKELY and cause.confidence > reached:
                found[name] = _of_part(cause, part, case)
    ranked = sorted(found.values(), key=lambda cause: (-cause.confidence, cause.cause))
    if ranked and ranked[0].confidence >= LIKELY:
        return tuple(ranked)
    return (unknown.weigh(case, ranked), *ranked)


def each(case: Case) -> dict[str, Cause]:
    """Causes of these entries as they are, by name; those for which there is nothing are left out."""
    return {cause.cause: cause for weigh in CAUSES if (cause := weigh(case)) is not None}


def _in_no_part(cause: Cause, case: Case, shown: Sequence[Mapping[str, Cause]]) -> Cause:
    """Two patterns laid over each other may look like a third: what no part shows is not likely."""
    if cause.confidence < LIKELY or any(
        causes[cause.cause].confidence >= LIKELY for causes in shown if cause.cause in causes
    ):
        return cause
    doubt = Reason(what="parts that show it by themselves", value=0, source=facts.entries_of(case.view))
    return msgspec.structs.replace(cause, confidence=SHARED, against=(*cause.against, doubt))


def _of_part(cause: Cause, part: Part, case: Case) -> Cause:
    """It is told for how many of the entries it holds."""
    what = f"of {part.where} alone: share of the entries"
    limited = Reason(what=what, value=round(part.share, 2), source=facts.entries_of(case.view))
    return msgspec.structs.replace(cause, for_=(limited, *cause.for_))

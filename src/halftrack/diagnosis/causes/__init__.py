"""Causes: why a symptom is there, weighed on what the table, its settings and sockets show.

One file each; a cause that does not concern a symptom, or has nothing at all for it, is silent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.causes import (
    asymmetric_path,
    direct_return,
    idle_pool,
    injected,
    long_close_wait,
    owner_removed,
    scan,
    shaping,
    slow_path,
    syn_flood,
    table_flush,
    unknown,
    vanished_peer,
)
from halftrack.diagnosis.causes.weighing import LIKELY

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause

CAUSES: Final[tuple[Callable[[Case], Cause | None], ...]] = (
    asymmetric_path.weigh,
    direct_return.weigh,
    idle_pool.weigh,
    injected.weigh,
    long_close_wait.weigh,
    owner_removed.weigh,
    scan.weigh,
    shaping.weigh,
    slow_path.weigh,
    syn_flood.weigh,
    table_flush.weigh,
    vanished_peer.weigh,
)


def weigh_all(case: Case) -> tuple[Cause, ...]:
    """Every cause that has something for it, likeliest first; ``unknown`` leads where none reaches 0.5.

    Empty for a case without rows.
    """
    if not case.rows.height:
        return ()
    found = [cause for weigh in CAUSES if (cause := weigh(case)) is not None]
    ranked = sorted(found, key=lambda cause: (-cause.confidence, cause.cause))
    if ranked and ranked[0].confidence >= LIKELY:
        return tuple(ranked)
    return (unknown.weigh(case, ranked), *ranked)

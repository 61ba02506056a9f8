"""Which of several cures comes first: the one that touches nothing but what is wrong here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.remedies import (
    advice,
    cap_unacknowledged,
    notrack,
    raise_limit,
    shorten_established,
    strict_pickup,
    timeout_policy,
)

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Advice

_CURES: Final = (
    (advice.REMEDY,),
    (cap_unacknowledged.REMEDY,),
    (raise_limit.REMEDY,),
    (shorten_established.REMEDY, timeout_policy.REMEDY),
    (strict_pickup.REMEDY,),
    (notrack.REMEDY,),
)
"""Best first. Of those that stand together the one that cuts fewer, and else the first."""


def slug(found: Advice) -> str:
    """The remedy's own, also where its advice was handed over to another manager."""
    return str(found.arguments.get("remedy", found.remedy))


def rank(found: Advice) -> tuple[int, float, int]:
    """Of a cure: smaller is better. What another manager does is his to do, before anything else."""
    if "manager" in found.arguments:
        return (-1, 0.0, 0)
    name = slug(found)
    level, group = next(
        ((level, group) for level, group in enumerate(_CURES) if name in group), (len(_CURES), (name,))
    )
    # Not known is worse than any number.
    affected = found.risk.live_flows_affected
    return level, float("inf") if affected is None else float(affected), group.index(name)

"""Two moments of one made-up node, compared."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from halftrack.diagnosis import examine
from halftrack.diagnosis.since import moments
from halftrack.diagnosis.since.comparing import Earlier
from unit.flowrows import TAKEN_AT, evidence, one_sided

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import Diagnosis
    from halftrack.diagnosis.since.document import Since, SinceFinding, SinceTable
    from halftrack.evidence.values import Evidence, Table

OLD = "2.6.32-042stab092.1"
HOUR = 3_600


def moment(*tables: Table, after_s: int = 0, **fields: Any) -> Evidence:
    """The node so many seconds after the first moment."""
    return evidence(*tables, **{"kernel": OLD, "taken_at": TAKEN_AT + timedelta(seconds=after_s)} | fields)


def compared(*moments_of: Evidence) -> Diagnosis:
    """The last of them, compared with those before, which are in their order."""
    *before, now = moments_of
    kept = [moments.kept(each, examine(each)) for each in before]
    lie = moments.ordered(before[0], now)
    return examine(now, Earlier(tuple(kept), lie.order, lie.seconds)).diagnosis


def since(*moments_of: Evidence) -> Since:
    found = compared(*moments_of).since
    assert found is not None
    return found


def host(found: Since) -> SinceTable:
    (table,) = [each for each in found.tables if each.netns == "host"]
    return table


def of(found: Since, symptom: str) -> SinceFinding:
    (finding,) = [each for each in found.findings if each.symptom == symptom]
    return finding


def stuck(numbers: Sequence[int], *, heard_s: int = 0, every_s: int = 1) -> list[dict[str, Any]]:
    """One-sided entries with these numbers; number n was heard ``heard_s + n * every_s`` seconds ago."""
    return [
        one_sided(
            "203.0.113.73",
            f"198.{18 + (n >> 16)}.{n >> 8 & 255}.{n & 255}",
            left=432_000 - heard_s - every_s * place,
        )
        for place, n in enumerate(numbers)
    ]


def adds_up(found: SinceFinding) -> None:
    assert found.new is not None
    assert found.joined is not None
    assert found.stayed is not None
    assert found.released is not None
    assert found.left is not None
    assert found.now == found.new + found.joined + found.stayed + found.unseen_before
    assert found.before == found.released + found.left + found.stayed + found.unseen_now

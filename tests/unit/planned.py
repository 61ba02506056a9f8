"""Plans for small tables, for the tests of planning."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from halftrack import planning
from halftrack.diagnosis import examine
from halftrack.plans.actions import Drain
from unit.flowrows import evidence, one_sided, row, table

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence
    from halftrack.plans.document import Plan, Step

OLD_KERNEL = "2.6.32-042stab092.1"
PREFIX = "net.netfilter.nf_conntrack_"
ESTABLISHED = f"{PREFIX}tcp_timeout_established"
LOOSE = f"{PREFIX}tcp_loose"
SETTINGS = {ESTABLISHED: "432000", LOOSE: "1"}
WEB = "203.0.113.73"


def leak(count: int, *, server: str = WEB, over_s: int = 400_000, **columns: Any) -> list[dict[str, Any]]:
    """One-sided entries of a server, that came evenly over the time."""
    return [
        one_sided(
            server,
            f"198.{18 + (n >> 16)}.{(n >> 8) & 255}.{n & 255}",
            dport=50_000,
            **{"left": 432_000 - over_s * n // count, **columns},
        )
        for n in range(count)
    ]


def silent(count: int, port: int = 22, *, idle_s: int = 32_000, **columns: Any) -> list[dict[str, Any]]:
    """Answered connections that have not spoken for nine hours, or for so long."""
    return [
        row("198.51.100.200", WEB, 40_000 + n, port, left=432_000 - idle_s, **columns) for n in range(count)
    ]


def plan(seen: Evidence, *words: str, **options: Any) -> Plan:
    return planning.make(seen, examine(seen), planning.parse(words), **options)


def remedies(made: Plan) -> list[str]:
    return [step.remedy for step in made.steps]


def step(made: Plan, remedy: str) -> Step:
    [found] = [each for each in made.steps if each.remedy == remedy]
    return found


def old_node(rows: int = 900, *, limit: int = 1_000, **fields: object) -> Evidence:
    return evidence(
        table(*leak(rows), *silent(3), settings=SETTINGS, limit=limit, buckets=256),
        kernel=OLD_KERNEL,
        **fields,
    )


def why_not(made: Plan, remedy: str) -> str:
    [found] = [each.why for each in made.not_chosen if each.remedy == remedy]
    return found


def the_drain(made: Plan) -> Drain:
    [found] = [each for each in step(made, "drain").actions if isinstance(each, Drain)]
    return found

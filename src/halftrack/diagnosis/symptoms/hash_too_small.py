"""hash-too-small: too many entries for the buckets that they are looked up in.

Every entry stands in the hash twice, once a direction, and since 4.7 all namespaces share one. Since
5.15 an entry whose chain is longer than 50 to 79 cannot be inserted (``nf_conntrack_core.c``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.diagnosis.document import EnabledBy, Finding
from halftrack.evidence import sysctls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import TableSummary
    from halftrack.evidence.values import Evidence, Table

_LONG: Final = 8.0
"""Entries a chain: what kernels up to 5.10 have by default when the table is full."""
_TOO_LONG: Final = 16.0
_CHAIN_COUNTERS: Final = ("chaintoolong", "chainlength")


@dataclass(frozen=True, slots=True)
class HashTooSmall:
    slug: str = "hash-too-small"

    def find(
        self,
        evidence: Evidence,
        summaries: Sequence[TableSummary],  # noqa: ARG002  # other conditions need them
    ) -> tuple[Finding, ...]:
        table = next((each for each in evidence.tables if each.buckets), None)
        if table is None or not table.buckets:
            return ()
        entries = sum(each.count or 0 for each in evidence.tables)
        now = 2 * entries / table.buckets
        at_limit = 2 * table.limit / table.buckets if table.limit else 0.0
        refused = sum(_refused(each) for each in evidence.tables)
        if now < _LONG and at_limit <= _LONG and not refused:
            return ()
        enabled_by = [
            EnabledBy(
                setting=sysctls.PREFIX + "buckets",
                value=str(table.buckets),
                why="buckets of the hash that all entries are looked up in",
            )
        ]
        if table.limit:
            enabled_by.append(
                EnabledBy(
                    setting=sysctls.PREFIX + "max",
                    value=str(table.limit),
                    why="entries that it may have to hold",
                )
            )
        return (
            Finding(
                id=f"{self.slug}/{table.netns}",
                symptom=self.slug,
                severity="warning" if refused or now >= _TOO_LONG else "info",
                title=_title(entries, table.buckets, now, at_limit),
                entries=entries,
                explanation=(
                    f"{words.entries(refused)} could not be inserted just now because a chain was too long."
                    if refused
                    else "Every packet walks such a chain, and a long one costs time for each. The limit was"
                    " raised without the buckets; both belong together."
                ),
                enabled_by=tuple(enabled_by),
            ),
        )


def _title(entries: int, buckets: int, now: float, at_limit: float) -> str:
    if now >= _LONG:
        return f"{words.entries(entries)} in {buckets:,} buckets: chains of {now:.0f} on average."
    if at_limit > _LONG:
        return f"A full table would have chains of {at_limit:.0f} in its {buckets:,} buckets."
    return f"Some chains of the hash with its {buckets:,} buckets are too long."


def _refused(table: Table) -> int:
    """Entries that found their chain too long between two readings of the counters."""
    if len(table.counters) < 2:
        return 0
    first, last = table.counters[0].values, table.counters[-1].values
    return sum(max(last[name] - first[name], 0) for name in _CHAIN_COUNTERS if name in first and name in last)


SYMPTOM: Final = HashTooSmall()

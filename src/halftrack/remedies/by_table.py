"""Remedies table by table: a table's entries, and what they were made into, are let go before the next.

What comes out is what ``advise`` gives: a remedy looks at the findings of its own table alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from halftrack.diagnosis import examine
from halftrack.diagnosis.examination import rank
from halftrack.diagnosis.symptoms import OF_NODE, OF_TABLES
from halftrack.remedies import netns_of, situations, with_remedies

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Advice, Diagnosis, Finding, TableSummary
    from halftrack.evidence.values import Evidence, Table


def examine_and_advise(evidence: Evidence) -> Diagnosis:
    """``advise`` of what ``examine`` finds, with one table's cases at a time.

    Of the evidence everything but the entries remains.
    """
    tables = _Tables(evidence)
    found = examine(evidence, settle=tables.settle).diagnosis
    findings = (
        msgspec.structs.replace(one, remedies=tables.remedies.get(one.id, one.remedies))
        for one in found.findings
    )
    return msgspec.structs.replace(found, findings=tuple(findings))


class _Tables:
    """``remedies``: of conditions, by the ids of these."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._of_node = [found for condition in OF_NODE for found in condition.find(evidence, ())]
        self.remedies: dict[str, tuple[Advice, ...]] = {}

    def settle(
        self, findings: Sequence[Finding], cases: Sequence[Case], summary: TableSummary
    ) -> list[Finding]:
        """These findings among the entries of one table, with their remedies."""
        table = next(table for table in self._evidence.tables if table.netns == summary.netns)
        conditions = list(self._conditions(table, summary))
        ranked = sorted([*findings, *conditions], key=rank)
        advised = {
            one.finding.id: with_remedies(one) for one in situations(ranked, [summary], self._evidence, cases)
        }
        self.remedies |= {one.id: advised[one.id].remedies for one in conditions if one.id in advised}
        if table.flows is not None:
            table.flows.let_go()
        return [advised.get(one.id, one) for one in findings]

    def _conditions(self, table: Table, summary: TableSummary) -> Iterator[Finding]:
        alone = replace(self._evidence, tables=(table,))
        for condition in OF_TABLES:
            yield from condition.find(alone, [summary])
        yield from (one for one in self._of_node if netns_of(one, self._evidence) == summary.netns)

"""Situations for remedies, put together from a small table and what the diagnosis would say of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import polars as pl

from halftrack.diagnosis import grouping
from halftrack.diagnosis.document import Cause, EnabledBy, Finding, Forecast, TableSummary, Timeline
from halftrack.diagnosis.rows import MarkedRows
from halftrack.diagnosis.view import view
from halftrack.evidence.sysctls import PREFIX
from halftrack.remedies.live import LiveEntries
from halftrack.remedies.situation import Situation
from unit.flowrows import one_sided, row

if TYPE_CHECKING:
    from collections.abc import Iterable

    from halftrack.evidence.values import Evidence

OLD_KERNEL: Final = "2.6.32-042stab092.1"
WEB: Final = "203.0.113.73"
STEADY: Final = Forecast(shape="steady", net_per_minute=33.0, basis="")
RAISED: Final = {
    "net.netfilter.nf_conntrack_tcp_timeout_unacknowledged": "432000",
    "net.netfilter.nf_conntrack_tcp_timeout_max_retrans": "432000",
}


def stuck(count: int = 20, address: str = WEB) -> list[dict[str, object]]:
    return [one_sided(address, f"198.51.100.{i + 1}", dport=50_000 + i) for i in range(count)]


def ssh(count: int, *, silent_s: int = 32_000, **columns: object) -> list[dict[str, object]]:
    return [
        row("198.51.100.200", WEB, 40_000 + i, 22, left=432_000 - silent_s, **columns) for i in range(count)
    ]


def situation(
    evidence: Evidence,
    symptom: str = "one-sided",
    which: pl.Expr | None = None,
    *,
    enabled: Iterable[str] = ("tcp_timeout_established", "tcp_loose"),
    causes: Iterable[tuple[str, float]] = (),
    dead: Iterable[pl.Series] = (),
    timeline: Timeline | None = None,
    forecast: Forecast | None = None,
    severity: Any = "warning",
    number: int = 0,
    summary: dict[str, Any] | None = None,
    first_of_table: bool = True,
) -> Situation:
    """What a remedy is told of table ``number``; ``which`` chooses the finding's entries."""
    table = evidence.tables[number]
    seen = view(table, evidence)
    chosen = seen.flows.with_columns((pl.col("one_sided") if which is None else which).alias("chosen"))[
        "chosen"
    ]
    rows = MarkedRows.of(seen.flows, chosen)
    finding = Finding(
        id=f"{symptom}/x",
        symptom=symptom,
        severity=severity,
        title="a finding",
        entries=rows.height,
        groups=grouping.groups(rows, seen)[0],
        timeline=timeline,
        forecast=forecast,
        enabled_by=tuple(EnabledBy(setting=PREFIX + name, value=None, why="") for name in enabled),
        causes=tuple(Cause(cause=cause, confidence=confidence) for cause, confidence in causes),
    )
    given = {"netns": table.netns, "entries": table.count, "limit": table.limit, "buckets": table.buckets}
    return Situation(
        finding=finding,
        table=table,
        evidence=evidence,
        summary=TableSummary(**(given | (summary or {}))),
        view=seen,
        rows=rows,
        live=LiveEntries(seen, list(dead)),
        first_of_table=first_of_table,
    )

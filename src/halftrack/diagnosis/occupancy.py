"""How full a table is, of what, and how much of it the kernel would give up by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.document import TableSummary
from halftrack.diagnosis.grouping import owner_name
from halftrack.evidence import uapi

if TYPE_CHECKING:
    from halftrack.diagnosis.view import View
    from halftrack.evidence.values import Counters, Table

_WRAP: Final = 1 << 32
"""The kernel's per-CPU counters are 32 bits wide; so the difference of two sums is exact modulo this."""

_CLOSING: Final = {
    uapi.IPPROTO_TCP: (4, 5, 6, 7, 8),  # FIN_WAIT, CLOSE_WAIT, LAST_ACK, TIME_WAIT, CLOSE
    uapi.IPPROTO_DCCP: (5, 6, 7),  # CLOSEREQ, CLOSING, TIMEWAIT
    uapi.IPPROTO_SCTP: (5, 6, 7),  # SHUTDOWN_SENT, SHUTDOWN_RECD, SHUTDOWN_ACK_SENT
}
"""States in which a full table gives up assured entries too (the ``can_early_drop`` functions)."""


@dataclass(frozen=True, slots=True)
class Fullness:
    """Shares of the limit; None where the limit or the number is unknown, or there is no limit.

    ``raw``: every entry that counts. ``effective``: without what is over but still counted and
    what the kernel may give up when it needs room; all of them where that is not known.
    """

    raw: float | None
    effective: float | None


def summary(view: View) -> TableSummary:
    """The table in numbers, forecast left out. What the evidence lacks is None."""
    table = view.table
    holder = table.namespace.owner
    entries = table.count
    reclaimable: int | None = None
    one_sided: int | None = None
    by_protocol: dict[str, int] = {}
    by_state: dict[str, int] = {}
    by_kind: dict[str, dict[str, int]] = {}
    if table.flows is not None:
        if entries is None:
            entries = view.flows.height
        # Two columns decide all of it: one pass over the rows, the rest is done on a few groups.
        groups = _groups(view.flows)
        reclaimable = _total(groups.filter(_reclaimable(closing=bool(view.features.reclaims_closing))))
        one_sided = _total(groups.filter("one_sided"))
        by_protocol = _by_protocol(groups)
        by_state = _by_state(groups)
        by_kind = _by_kind(groups)
    delta, over_s = rise(table)
    total = table.counters[-1].values if table.counters else {}
    return TableSummary(
        netns=table.netns,
        owner=owner_name(holder),
        entries=entries,
        limit=table.limit,
        unlimited=table.unlimited,
        buckets=table.buckets,
        reclaimable=reclaimable,
        expired=table.expired,
        effective_entries=_effective(entries, table.expired, reclaimable),
        dropped=delta.get("drop"),
        dropped_early=delta.get("early_drop"),
        insert_failed=delta.get("insert_failed"),
        invalid=delta.get("invalid"),
        counters_over_s=over_s,
        dropped_total=total.get("drop"),
        dropped_early_total=total.get("early_drop"),
        insert_failed_total=total.get("insert_failed"),
        by_protocol=by_protocol,
        by_state=by_state,
        by_kind=by_kind,
        one_sided=one_sided,
        read=table.flows is not None,
    )


def fullness(summary: TableSummary) -> Fullness:
    """How full the table is, as it counts and without what would give way."""
    if not summary.limit or summary.unlimited or summary.entries is None:
        return Fullness(None, None)
    raw = summary.entries / summary.limit
    if summary.effective_entries is None:
        return Fullness(raw, raw)
    return Fullness(raw, summary.effective_entries / summary.limit)


def _groups(flows: pl.DataFrame) -> pl.DataFrame:
    keeps = uapi.IPS_ASSURED | uapi.IPS_OFFLOAD | uapi.IPS_SEEN_REPLY
    return (
        flows.lazy()
        .group_by("l4proto", "state", "one_sided", kept=pl.col("status").fill_null(0) & keeps)
        .agg(entries=pl.len().cast(pl.Int64))
        .collect()
    )


@cache
def _reclaimable(*, closing: bool) -> pl.Expr:
    """What ``early_drop`` and a collector in need take: never an offloaded entry (``nf_conntrack_core.c``).

    Without assurance any entry; assured ones only while closing and only on kernels that do so,
    which an unknown kernel is not taken for.
    """
    gives_way = pl.col("kept") & uapi.IPS_ASSURED == 0
    if closing:
        for protocol, states in _CLOSING.items():
            gives_way |= (pl.col("l4proto") == protocol) & pl.col("state").is_in(states)
    return gives_way.fill_null(value=False) & (pl.col("kept") & uapi.IPS_OFFLOAD == 0)


def _total(groups: pl.DataFrame) -> int:
    return int(groups["entries"].sum())


def _by_protocol(groups: pl.DataFrame) -> dict[str, int]:
    """Entries by protocol, most first; a protocol without a name by its number."""
    counted = groups.group_by("l4proto").agg(pl.col("entries").sum())
    ordered = counted.sort("entries", "l4proto", descending=[True, False])
    return {uapi.PROTOCOL_NAMES.get(number, str(number)): entries for number, entries in ordered.iter_rows()}


def _by_state(groups: pl.DataFrame) -> dict[str, int]:
    """TCP entries by state, in the order of the kernel's enumeration."""
    tcp = groups.filter(pl.col("l4proto") == uapi.IPPROTO_TCP, pl.col("state").is_not_null())
    ordered = tcp.group_by("state").agg(pl.col("entries").sum()).sort("state")
    names = uapi.TCP_STATES
    return {names[state] if state < len(names) else str(state): n for state, n in ordered.iter_rows()}


def _by_kind(groups: pl.DataFrame) -> dict[str, dict[str, int]]:
    """Entries by protocol and by how far their conversation has got; most first, as ``_by_protocol``."""
    tcp, state = pl.col("l4proto") == uapi.IPPROTO_TCP, pl.col("state")
    kind = (
        pl.when("one_sided")
        .then(pl.lit("one_sided"))
        .when(tcp & state.is_in(uapi.TCP_OPENING))
        .then(pl.lit("half_open"))
        .when(tcp & state.is_in(_CLOSING[uapi.IPPROTO_TCP]))
        .then(pl.lit("closing"))
        .when(pl.col("kept") & uapi.IPS_SEEN_REPLY != 0)
        .then(pl.lit("answered"))
        .otherwise(pl.lit("other"))
    )
    counted = groups.group_by("l4proto", kind=kind).agg(pl.col("entries").sum())
    found: dict[str, dict[str, int]] = {}
    for number, name, entries in counted.sort("entries", "l4proto", "kind", descending=True).iter_rows():
        found.setdefault(uapi.PROTOCOL_NAMES.get(number, str(number)), {})[name] = entries
    return found


def _effective(entries: int | None, expired: int | None, reclaimable: int | None) -> int | None:
    if entries is None or reclaimable is None:
        return None
    return max(entries - (expired or 0) - reclaimable, 0)


def rise(table: Table) -> tuple[dict[str, int], int | None]:
    """How far the counters rose between the first and the last reading, and in how many seconds."""
    if len(table.counters) < 2:
        return {}, None
    first, last = table.counters[0], table.counters[-1]
    if last.at_s <= first.at_s:
        return {}, None
    return _differences(first, last), max(round(last.at_s - first.at_s), 1)


def _differences(first: Counters, last: Counters) -> dict[str, int]:
    return {
        name: (last.values[name] - first.values[name]) % _WRAP for name in first.values.keys() & last.values
    }

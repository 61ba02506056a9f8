"""How full a table is, of what, and how much of it the kernel would give up by itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

import polars as pl

from halftrack.diagnosis.document import TableSummary
from halftrack.diagnosis.grouping import owner_name
from halftrack.evidence import marks, uapi
from halftrack.evidence.flows import select

if TYPE_CHECKING:
    from collections.abc import Iterable

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
        # Four columns decide all of it: one pass over the rows, the rest is done on a few groups.
        groups = _groups(view.flows)
        closing = bool(view.features.reclaims_closing)
        reclaimable = sum(each.entries for each in groups if each.gives_way(closing=closing))
        one_sided = sum(each.entries for each in groups if each.one_sided)
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


class _Alike(NamedTuple):
    """Entries of one table that are alike in all that the numbers are made of; ``kept``: status bits."""

    l4proto: int
    state: int | None
    one_sided: bool
    kept: int
    entries: int

    @property
    def closing(self) -> bool:
        return self.state in _CLOSING.get(self.l4proto, ())

    @property
    def kind(self) -> str:
        """How far their conversation has got."""
        if self.one_sided:
            return "one_sided"
        if self.l4proto == uapi.IPPROTO_TCP and self.state in uapi.TCP_OPENING:
            return "half_open"
        if self.l4proto == uapi.IPPROTO_TCP and self.closing:
            return "closing"
        return "answered" if self.kept & uapi.IPS_SEEN_REPLY else "other"

    def gives_way(self, *, closing: bool) -> bool:
        """Whether ``early_drop`` and a collector in need take them (``nf_conntrack_core.c``): never
        offloaded ones.

        Without assurance any entry; assured ones only while closing and only on kernels that do so,
        which an unknown kernel is not taken for: ``closing``.
        """
        if self.kept & uapi.IPS_OFFLOAD:
            return False
        return not self.kept & uapi.IPS_ASSURED or (closing and self.closing)


def _groups(flows: pl.DataFrame) -> list[_Alike]:
    keeps = uapi.IPS_ASSURED | uapi.IPS_OFFLOAD | uapi.IPS_SEEN_REPLY
    deciding = select(
        flows, "l4proto", "state", "one_sided", (pl.col("status").fill_null(0) & keeps).alias("kept")
    )
    return [_Alike(*row) for row in marks.counted(deciding, deciding.columns).iter_rows()]


def _by_protocol(groups: Iterable[_Alike]) -> dict[str, int]:
    """Entries by protocol, most first; a protocol without a name by its number."""
    counted: Counter[int] = Counter()
    for each in groups:
        counted[each.l4proto] += each.entries
    ordered = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    return {uapi.PROTOCOL_NAMES.get(number, str(number)): entries for number, entries in ordered}


def _by_state(groups: Iterable[_Alike]) -> dict[str, int]:
    """TCP entries by state, in the order of the kernel's enumeration."""
    counted: Counter[int] = Counter()
    for each in groups:
        if each.l4proto == uapi.IPPROTO_TCP and each.state is not None:
            counted[each.state] += each.entries
    names = uapi.TCP_STATES
    return {names[state] if state < len(names) else str(state): n for state, n in sorted(counted.items())}


def _by_kind(groups: Iterable[_Alike]) -> dict[str, dict[str, int]]:
    """Entries by protocol and by how far their conversation has got; most first, as ``_by_protocol``."""
    counted: Counter[tuple[int, str]] = Counter()
    for each in groups:
        counted[each.l4proto, each.kind] += each.entries
    found: dict[str, dict[str, int]] = {}
    for entries, number, name in sorted(((n, *key) for key, n in counted.items()), reverse=True):
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

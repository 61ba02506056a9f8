"""Which series a diagnosis gives: never more than ``names.MOST_SERIES``, and never a peer's address.

What is left out is added up as ``other``, so that sums are right. What each metric may take:

    up, complete, age, duration, version      5
    entries        4 namespaces + other: 9 each  45
    limit, reclaimable, full in    4 + 5 + 4     13
    three counters, 4 namespaces                 12
    settings                                     10
    gaps                           6 + other      7
    stuck          21 + a rest for each symptom  28
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from halftrack import __version__
from halftrack.diagnosis import workloads
from halftrack.evidence.values import OWN, SELF
from halftrack.reporters.prometheus import names
from halftrack.reporters.prometheus.names import OTHER, UNREAD
from halftrack.reporters.prometheus.text import Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from halftrack.diagnosis.document import Diagnosis, Finding, TableSummary

SETTINGS: Final = (
    "nf_conntrack_tcp_loose",
    "nf_conntrack_tcp_be_liberal",
    "nf_conntrack_tcp_timeout_established",
    "nf_conntrack_tcp_timeout_unacknowledged",
    "nf_conntrack_tcp_timeout_max_retrans",
    "nf_conntrack_tcp_timeout_close_wait",
    "nf_conntrack_udp_timeout_stream",
    "nf_conntrack_buckets",
    "nf_conntrack_acct",
    "nf_conntrack_timestamp",
)
OWNERS: Final = 10
_NAMESPACES: Final = 3
"""Besides the node's own."""
_COMBINATIONS: Final = 21
_GAPS: Final = 6
_COUNTERS: Final = (
    (names.DROPPED, "dropped_total"),
    (names.DROPPED_EARLY, "dropped_early_total"),
    (names.INSERT_FAILED, "insert_failed_total"),
)
_COMMON: Final = ("tcp", "udp")
"""Protocols by their name; all others come together."""
_EVERY_KIND: Final = (
    *(("tcp", kind) for kind in ("answered", "one_sided", "half_open", "closing", "other")),
    *((protocol, kind) for protocol in ("udp", OTHER) for kind in ("answered", "other")),
)
"""Of the node's own table these are there when there are none, too: an alert needs something to compare."""
UNKNOWN_OWNER: Final = "unknown"
"""Of entries that no known owner's address is an end of. The address itself may be a peer's."""


def of(diagnosis: Diagnosis, settings: Mapping[str, str], *, only_read: bool = False) -> list[Sample]:
    """The samples of a scan that went well.

    ``settings``: sysctls of the node's table by full name. ``only_read``: tables whose entries were not
    read are beside the question, since one namespace was asked for.
    """
    tables = [table for table in diagnosis.tables if table.read or not only_read]
    return [
        Sample(names.UP, 1),
        Sample(names.SCAN_COMPLETE, diagnosis.complete),
        Sample(names.SCAN_DURATION, diagnosis.seconds),
        *_of_tables(diagnosis, tables),
        *_stuck(diagnosis.findings),
        *_settings(settings),
        *_gaps(diagnosis),
        *_version(),
    ]


def failed(why: str) -> list[Sample]:
    """Those of a scan that came to nothing: no numbers, whatever there was before."""
    return [Sample(names.UP, 0), Sample(names.SCAN_COMPLETE, 0), Sample(names.GAP, 1, (why,)), *_version()]


def aged(seconds: float) -> list[Sample]:
    """How long ago the scan was, as handed out now."""
    return [Sample(names.SCAN_AGE, max(seconds, 0.0))]


def _version() -> list[Sample]:
    return [Sample(names.BUILD_INFO, 1, (__version__,))]


def _of_tables(diagnosis: Diagnosis, tables: Sequence[TableSummary]) -> Iterator[Sample]:
    labels = _labels(tables)
    entries: Counter[tuple[str, str, str]] = Counter()
    reclaimable: Counter[str] = Counter()
    full_in: dict[str, float] = {}
    for table, label in zip(tables, labels, strict=True):
        if table.netns in OWN and table.read:
            entries.update({(label, *each): 0 for each in _EVERY_KIND})
        for (protocol, kind), number in _kinds(table):
            entries[label, protocol, kind] += number
        if table.reclaimable is not None:
            reclaimable[label] += table.reclaimable
        ahead = table.forecast.full_at if table.forecast else None
        if ahead is not None and diagnosis.taken_at is not None and label != OTHER:
            seconds = max((ahead - diagnosis.taken_at).total_seconds(), 0.0)
            full_in[label] = min(seconds, full_in.get(label, seconds))
    yield from (Sample(names.ENTRIES, number, key) for key, number in sorted(entries.items()))
    yield from _limits(tables, labels)
    yield from (Sample(names.RECLAIMABLE, number, (label,)) for label, number in reclaimable.items())
    yield from (Sample(names.FULL_IN, seconds, (label,)) for label, seconds in full_in.items())
    yield from _counters(tables, labels)


def _labels(tables: Sequence[TableSummary]) -> list[str]:
    """What each table is called: the node's own, those nearest to their limit, the rest ``other``."""
    called = [
        table.netns if table.netns in OWN else _told_apart(workloads.of_table(table)) for table in tables
    ]
    worst: dict[str, tuple[float, int]] = {}
    for table, label in zip(tables, called, strict=True):
        if label not in OWN:
            share = (table.entries or 0) / table.limit if table.limit else 0.0
            worst[label] = max(worst.get(label, (0.0, 0)), (share, table.entries or 0))
    ranked = sorted(worst, key=lambda label: (worst[label], label), reverse=True)
    kept = {*OWN, *ranked[: _NAMESPACES - called.count(SELF)]}
    return [label if label in kept else OTHER for label in called]


def _told_apart(label: str) -> str:
    return f"{label}-" if label in (*OWN, OTHER) else label


def _kinds(table: TableSummary) -> Iterator[tuple[tuple[str, str], int]]:
    if not table.read:
        if table.entries is not None:
            yield (UNREAD, OTHER), table.entries
        return
    for protocol, kinds in table.by_kind.items():
        for kind, number in kinds.items():
            yield (protocol if protocol in _COMMON else OTHER, kind), number


def _limits(tables: Sequence[TableSummary], labels: Sequence[str]) -> Iterator[Sample]:
    limits: dict[str, int | None] = {}
    for table, label in zip(tables, labels, strict=True):
        if label != OTHER:
            known = None if table.unlimited else table.limit
            so_far = limits.get(label, 0)
            limits[label] = None if known is None or so_far is None else so_far + known
    for label, limit in limits.items():
        if limit is not None:
            yield Sample(names.ENTRIES_LIMIT, limit, (label,))


def _counters(tables: Sequence[TableSummary], labels: Sequence[str]) -> Iterator[Sample]:
    """The kernel's own, of one namespace each: a sum over several would fall, and so seem to begin anew, with
    every pod that ends.
    """
    often = Counter(labels)
    for metric, field in _COUNTERS:
        for table, label in zip(tables, labels, strict=True):
            total = getattr(table, field)
            if total is not None and label != OTHER and often[label] == 1:
                yield Sample(metric, total, (label,))


def _stuck(findings: Iterable[Finding]) -> Iterator[Sample]:
    """The largest combinations of ten owners; what is left of a symptom is one series more."""
    whole: Counter[str] = Counter()
    told: Counter[tuple[str, str, str]] = Counter()
    of_owner: Counter[str] = Counter()
    for finding in findings:
        if not finding.groups:
            continue  # a condition of the table or the node: it is no entry's
        whole[finding.symptom] += finding.entries
        for group in finding.groups:
            owner = workloads.of_owner(group.owner) if group.owner else UNKNOWN_OWNER
            told[finding.symptom, owner, group.service or OTHER] += group.entries
            of_owner[owner] += group.entries
    owners = sorted(of_owner, key=lambda owner: (-of_owner[owner], owner))[:OWNERS]
    ranked = sorted((key for key in told if key[1] in owners), key=lambda key: (-told[key], key))
    for key in ranked[:_COMBINATIONS]:
        whole[key[0]] -= told[key]
        yield Sample(names.STUCK, told[key], key)
    for symptom, rest in whole.items():
        if rest > 0:
            yield Sample(names.STUCK, rest, (symptom, OTHER, OTHER))


def _settings(settings: Mapping[str, str]) -> Iterator[Sample]:
    for name in SETTINGS:
        value = settings.get(f"net.netfilter.{name}", "").strip()
        if value.isdecimal():
            yield Sample(names.SETTING, int(value), (name,))


_ENDED: Final = "namespace"
"""A namespace that ended while it was looked at, and took its troubles with it."""


def _gaps(diagnosis: Diagnosis) -> Iterator[Sample]:
    """By kind: a gap's own words name what it is of, which comes and goes."""
    kinds = (_kind(gap.what) for gap in diagnosis.gaps)
    counted = Counter(kind for kind in kinds if kind != _ENDED)
    most = counted.most_common()
    yield from (Sample(names.GAP, number, (kind,)) for kind, number in most[:_GAPS])
    rest = sum(number for _, number in most[_GAPS:])
    if rest:
        yield Sample(names.GAP, rest, (OTHER,))


def _kind(what: str) -> str:
    """``the rest of the entries of web-1``: ``entries``; ``owners that docker knows`` stays."""
    if what.startswith("owners that "):
        return what
    if what.startswith("namespace "):
        return _ENDED
    kind = what.removeprefix("the rest of ").partition(" of ")[0]
    return kind.removeprefix("the ")

"""Which series a diagnosis gives: never more than ``names.MOST_SERIES``, and never a peer's address.

What is left out is added up as ``other``, so that sums are right. What each metric may take at most:

    up, complete, age, duration, version                    5
    entries        9, 3 namespaces and other: 10 each      49
    limit, reclaimable, full in    4 + 5 + 5               14
    fullest        3 namespaces and other                   4
    three counters, 4 namespaces and other                 15
    settings                                               10
    gaps                           5 + other                6
    stuck          what is left, 17: a rest for each symptom, and ten more
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from halftrack import __version__
from halftrack.diagnosis import workloads
from halftrack.diagnosis.symptoms import ENTRY_SYMPTOMS
from halftrack.evidence.values import OWN
from halftrack.reporters.prometheus import names, spaces
from halftrack.reporters.prometheus.names import OTHER, UNREAD
from halftrack.reporters.prometheus.sums import FIELDS
from halftrack.reporters.prometheus.text import Sample, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from halftrack.diagnosis.document import Diagnosis, Finding, OwnerName, TableSummary
    from halftrack.reporters.prometheus.sums import Sums

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
_COMBINATIONS: Final = 21
"""Of symptom, owner and service, where there is room for them."""
_GAPS: Final = 5
_COUNTERS: Final = tuple(zip((names.DROPPED, names.DROPPED_EARLY, names.INSERT_FAILED), FIELDS, strict=True))
_COMMON: Final = ("tcp", "udp")
"""Protocols by their name; all others come together."""
_EVERY_KIND: Final = (
    *(("tcp", kind) for kind in ("answered", "one_sided", "half_open", "closing", "other")),
    *((protocol, kind) for protocol in ("udp", OTHER) for kind in ("answered", "other")),
)
"""Of the node's own table these are there when there are none, too: an alert needs something to compare."""
_OF_ENTRIES: Final = frozenset(each.slug for each in ENTRY_SYMPTOMS)
_UNKNOWN_OWNER: Final = "unknown"
"""Of entries that no known owner's address is an end of. The address itself may be a peer's."""


def of(
    diagnosis: Diagnosis, settings: Mapping[str, str], sums: Sums | None = None, *, only_read: bool = False
) -> list[Sample]:
    """The samples of a scan that went well.

    ``settings``: sysctls of the node's table by full name. ``sums``: counters as added up until now; None:
    no scan before is remembered. ``only_read``: tables whose entries were not read are beside the question,
    since one namespace was asked for.
    """
    tables = [table for table in diagnosis.tables if table.read or not only_read]
    found = [
        Sample(names.UP, 1),
        Sample(names.SCAN_COMPLETE, diagnosis.complete),
        Sample(names.SCAN_DURATION, diagnosis.seconds),
        *_of_tables(diagnosis, tables, sums),
        *_settings(settings),
        *_gaps(diagnosis),
        *_version(),
    ]
    room = names.MOST_SERIES - len(found) - len(aged(0))
    return [*found, *_stuck(diagnosis.findings, room)]


def failed(why: str) -> list[Sample]:
    """Those of a scan that came to nothing: no numbers, whatever there was before."""
    return [Sample(names.UP, 0), Sample(names.SCAN_COMPLETE, 0), Sample(names.GAP, 1, (why,)), *_version()]


def aged(seconds: float) -> list[Sample]:
    """How long ago the scan was, as handed out now."""
    return [Sample(names.SCAN_AGE, max(seconds, 0.0))]


def _version() -> list[Sample]:
    return [Sample(names.BUILD_INFO, 1, (__version__,))]


def _of_tables(diagnosis: Diagnosis, tables: Sequence[TableSummary], sums: Sums | None) -> Iterator[Sample]:
    labels = spaces.labels(tables)
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
        if ahead is not None and diagnosis.taken_at is not None:
            seconds = max((ahead - diagnosis.taken_at).total_seconds(), 0.0)
            full_in[label] = min(seconds, full_in.get(label, seconds))
    yield from (Sample(names.ENTRIES, number, key) for key, number in sorted(entries.items()))
    yield from _limits(tables, labels)
    yield from (Sample(names.RECLAIMABLE, number, (label,)) for label, number in reclaimable.items())
    yield from (Sample(names.FULL_IN, seconds, (label,)) for label, seconds in full_in.items())
    yield from _fullest(tables, labels)
    yield from _counters(tables, labels, sums)


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


def _fullest(tables: Sequence[TableSummary], labels: Sequence[str]) -> Iterator[Sample]:
    """Of what stands for several tables: their sums do not tell whether one of them is full."""
    often = Counter(labels)
    shares: dict[str, float] = {}
    for table, label in zip(tables, labels, strict=True):
        share = spaces.share(table)
        if share is not None and (often[label] > 1 or label == OTHER):
            shares[label] = max(share, shares.get(label, share))
    yield from (Sample(names.FULLEST, share, (label,)) for label, share in shares.items())


def _counters(tables: Sequence[TableSummary], labels: Sequence[str], sums: Sums | None) -> Iterator[Sample]:
    """The node's own as the kernel counts them; others as they were added up, which where that was not
    remembered can be told of single namespaces alone.
    """
    often = Counter(labels)
    of_table = dict(zip(labels, tables, strict=True))
    for metric, field in _COUNTERS:
        for label, table in of_table.items():
            total: int | None = None
            if sums is not None and label not in OWN:
                total = sums.labels.get(label, {}).get(field)
            elif often[label] == 1 and label != OTHER:
                total = getattr(table, field)
            if total is not None:
                yield Sample(metric, total, (label,))


def _stuck(findings: Iterable[Finding], room: int) -> Iterator[Sample]:
    """The largest combinations of ten owners; what is left of a symptom is one series more.

    Each owner's largest comes first, so that all ten are told of wherever there is room for ten.
    """
    whole: Counter[str] = Counter()
    told: Counter[tuple[str, str, str]] = Counter()
    of_owner: Counter[str] = Counter()
    for finding in findings:
        if finding.symptom not in _OF_ENTRIES:
            continue  # a condition of the table or the node
        whole[finding.symptom] += finding.entries
        for group in finding.groups:
            owner = _owner(group.owner) if group.owner else _UNKNOWN_OWNER
            told[finding.symptom, owner, group.service or OTHER] += group.entries
            of_owner[owner] += group.entries
    owners = sorted(of_owner, key=lambda owner: (-of_owner[owner], owner))[:OWNERS]
    ranked = sorted((key for key in told if key[1] in owners), key=lambda key: (-told[key], key))
    largest = list({key[1]: key for key in reversed(ranked)}.values())
    first = sorted(ranked, key=lambda key: key not in largest)
    for key in sorted(first[: min(_COMBINATIONS, room - len(whole))], key=ranked.index):
        whole[key[0]] -= told[key]
        yield Sample(names.STUCK, told[key], key)
    for symptom, rest in whole.items():
        if rest > 0:
            yield Sample(names.STUCK, rest, (symptom, OTHER, OTHER))


def _owner(owner: OwnerName) -> str:
    """Not what stands for all that have no series of their own."""
    label = printable(workloads.of_owner(owner))
    return f"{label}-" if label in (OTHER, _UNKNOWN_OWNER) else label


def _settings(settings: Mapping[str, str]) -> Iterator[Sample]:
    for name in SETTINGS:
        value = settings.get(f"net.netfilter.{name}", "").strip()
        if value.isdecimal():
            yield Sample(names.SETTING, int(value), (name,))


_ENDED: Final = "namespace"
"""A namespace that ended while it was looked at, and took its troubles with it."""


def _gaps(diagnosis: Diagnosis) -> Iterator[Sample]:
    """By kind: a gap's own words name what it is of, which comes and goes."""
    kinds = (printable(_kind(gap.what)) for gap in diagnosis.gaps)
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

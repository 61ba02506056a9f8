"""Which file and line gave which number: of values, of the entries of findings, of reasons."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec
import polars as pl

from halftrack.diagnosis.causes import facts
from halftrack.diagnosis.document import ReadAt, Sourced
from halftrack.evidence import provenance as read
from halftrack.evidence import sysctls

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.document import Cause, Finding, Reason
    from halftrack.evidence.provenance import Origin
    from halftrack.evidence.values import Evidence, Table

_FIRST: Final = 3
"""Entries of a finding whose lines are named one by one."""
_COUNTERS: Final = ("drop", "early_drop", "insert_failed", "invalid")
_OF_ONE_INTERFACE: Final = re.compile(r"net\.ipv[46]\.conf\.(?!(?:all|default)\.)")
_RESTS_ON: Final = {
    "table-pressure": (read.COUNT, read.ENTRIES, read.LIMIT, read.COUNTERS),
    "hash-too-small": (read.COUNT, read.ENTRIES, read.BUCKETS),
    "forgotten": (read.TCP, read.SOCKETS, read.ENTRIES),
}
"""Of conditions, which have no rows."""
_BY_WORDS: Final = {
    re.compile(form): key
    for form, key in {
        r"sockets of (?P<netns>.+) \(sock_diag, tcp_info\)": read.TCP,
        r"queueing disciplines \(rtnetlink\) of (?P<netns>.+)": read.SHAPING,
        r"/proc/net/(?:snmp|netstat|snmp, netstat) of (?P<netns>.+)": read.STACK,
        r"/proc/net/stat/nf_conntrack of (?P<netns>.+)": read.COUNTERS,
        r"routes of (?P<netns>.+) \(rtnetlink\)": read.ROUTING,
        r"rules of (?P<netns>.+) \(nftables, iptables-legacy\)": read.RULES,
        r"services of IPVS \(/proc/net/ip_vs\)": read.RULES,
    }.items()
}
"""How reasons name what was read of a namespace."""
_LINE: Final = re.compile(r"(?P<file>.+):(?P<line>[0-9]{1,9})")
_OF_ROWS: Final = (facts.FLAGS, facts.STAMPS, facts.COUNTERS, *facts.TIMELINE.values())


def of_rows(case: Case) -> tuple[tuple[ReadAt, ...], tuple[int, ...]]:
    """Where the entries of a case stand, from the first to the last, and the lines of the first of them."""
    table = case.view.table
    origins = table.read_from.get(read.ENTRIES, ())
    flows = table.flows
    if flows is None or flows.lines is None or not case.rows.height:
        return _places(origins), ()
    parts = flows.parts or (len(flows),)
    if len(origins) != len(parts):
        return _places(origins), ()
    found: list[ReadAt] = []
    beginning: tuple[int, ...] = ()
    at = 0
    for origin, many in zip(origins, parts, strict=True):
        own = flows.lines.slice(at, many).filter(case.rows.mask.slice(at, many))
        at += many
        if len(own):
            first, last = own.to_frame().select(first=pl.all().min(), last=pl.all().max()).row(0)
            found.append(ReadAt(file=origin.file, first_line=first, last_line=last))
            beginning = beginning or tuple(own.head(_FIRST))
    return tuple(found), beginning


def of_condition(found: Finding, evidence: Evidence) -> Finding:
    """A finding without rows, with where what it rests on was read."""
    table = next((each for each in evidence.tables if each.netns == found.netns), None)
    if table is None:
        return found
    origins = [origin for key in _RESTS_ON.get(found.symptom, ()) for origin in _of(table, key)]
    origins += [origin for each in found.enabled_by for origin in _of_setting(evidence, table, each.setting)]
    return msgspec.structs.replace(found, at=_places(origins))


def of_causes(causes: Iterable[Cause], case: Case, rows: tuple[ReadAt, ...]) -> tuple[Cause, ...]:
    """The causes with where the reasons were read; ``rows``: where the entries were."""

    def placed(reasons: Iterable[Reason]) -> tuple[Reason, ...]:
        return tuple(
            msgspec.structs.replace(each, at=_of_reason(each.source, case, rows)) for each in reasons
        )

    return tuple(
        msgspec.structs.replace(cause, for_=placed(cause.for_), against=placed(cause.against))
        for cause in causes
    )


def _of_reason(source: str, case: Case, rows: tuple[ReadAt, ...]) -> tuple[ReadAt, ...]:
    """Empty where it names nothing that was read as a file or asked for by itself."""
    if _LINE.fullmatch(source):
        return (_line(source),)
    if source in _OF_ROWS or source.startswith(facts.entries_of(case.view)):
        return rows
    evidence, table = case.view.evidence, case.view.table
    if source.startswith("sysctl "):
        return _places(_of_setting(evidence, table, source.removeprefix("sysctl ")))
    if source == facts.SOCKETS:
        having = [each for each in evidence.tables if each.sockets is not None] or [table]
        return _places(origin for each in having for origin in _of(each, read.SOCKETS))
    for form, key in _BY_WORDS.items():
        told = form.fullmatch(source)
        if told is not None:
            named = (told.groupdict().get("netns") or table.netns).split(" and ")
            of = [each for each in evidence.tables if each.netns in named]
            return _places(origin for each in of for origin in _of(each, key))
    return ()


def of_values(evidence: Evidence, findings: Iterable[Finding]) -> tuple[Sourced, ...]:
    """Every value that the diagnosis goes by and of which it is known where it was read.

    Of a node with many namespaces: of those whose entries were read; of all but the first of these no setting
    that is the same as there, and lets nothing in.
    """
    enabling = {each.setting for finding in findings for each in finding.enabled_by}
    tables = [each for each in evidence.tables if each.flows is not None or len(evidence.tables) == 1]
    found = [*_of_node(evidence)]
    for table in tables:
        known = tables[0].settings if table is not tables[0] else {}
        same = {name for name in known if known[name] == table.settings.get(name)}
        found += (*_numbers(table), *_settings(table, enabling, same - enabling))
    return tuple(found)


def _of_node(evidence: Evidence) -> Iterator[Sourced]:
    at = evidence.taken_at
    told = {
        read.NODE: evidence.node,
        read.KERNEL: evidence.kernel,
        read.TAKEN_AT: None if at is None else f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }
    for what, value in told.items():
        if value is not None and what in evidence.read_from:
            yield Sourced(what=what, value=value, at=_places(evidence.read_from[what]))
    for line in evidence.sysctl_lines or ():
        if "conntrack" in line.name:
            at_boot = ReadAt(file=line.file, first_line=line.line, last_line=line.line)
            yield Sourced(what=f"{line.name} at boot", value=line.value, at=(at_boot,))
    for rate in evidence.rate_settings:
        place = ReadAt(file=rate.file, first_line=rate.line, last_line=rate.line)
        yield Sourced(what=rate.name, value=rate.value, at=(place,))

    for logged in evidence.log.lines if evidence.log else ():
        yield Sourced(
            what=f"{logged.kind} in the kernel's log", value=logged.count, at=(_line(logged.source),)
        )


def _line(source: str) -> ReadAt:
    """Of ``file:line``, or of a source without lines."""
    told = _LINE.fullmatch(source)
    if told is None:
        return ReadAt(file=source)
    return ReadAt(file=told["file"], first_line=int(told["line"]), last_line=int(told["line"]))


def _numbers(table: Table) -> Iterator[Sourced]:
    counted = table.counters[-1].values if table.counters else {}
    numbers: dict[str, tuple[str, int | None]] = {
        "entries": (read.ENTRIES, None if table.flows is None else len(table.flows)),
        "count": (read.COUNT, table.count),
        "limit": (read.LIMIT, table.limit),
        "buckets": (read.BUCKETS, table.buckets),
        **{name: (read.COUNTERS, counted.get(name)) for name in _COUNTERS},
        "sockets": (read.SOCKETS, None if table.sockets is None else table.sockets.frame.height),
        "tcp sockets": (read.TCP, None if table.tcp is None else table.tcp.frame.height),
        "counters of TCP and IP": (read.STACK, len(table.stack[-1].values) if table.stack else None),
        "queues": (read.SHAPING, len(table.shaping[-1].queues) if table.shaping else None),
        "addresses": (read.ADDRESSES, None if table.addresses is None else len(table.addresses)),
        "tables of rules": (read.RULES, None if table.rules is None else len(table.rules.tables)),
    }
    for what, (key, number) in numbers.items():
        places = _places(_of(table, key))
        if number is not None and places:
            yield Sourced(what=what, value=number, netns=table.netns, at=places)


def _settings(table: Table, enabling: set[str], passed_over: set[str]) -> Iterator[Sourced]:
    for name, value in table.settings.items():
        places = _places(table.read_from.get(name, ()))
        if name in passed_over or (name not in enabling and _OF_ONE_INTERFACE.match(name)):
            continue
        if places:
            yield Sourced(what=name, value=value, netns=table.netns, at=places)


def _of(table: Table, key: str) -> tuple[Origin, ...]:
    """Where it was read; a count, a limit and the buckets may be among the settings."""
    if key in table.read_from:
        return table.read_from[key]
    named = {read.COUNT: "count", read.LIMIT: sysctls.LIMIT, read.BUCKETS: "buckets"}.get(key, "")
    return table.read_from.get(sysctls.PREFIX + named, ()) if named else ()


def _of_setting(evidence: Evidence, table: Table, name: str) -> tuple[Origin, ...]:
    """Of this namespace's, else of the first that has it: some are the same in all."""
    return next(
        (each.read_from[name] for each in (table, *evidence.tables) if name in each.read_from),
        (),
    )


def _places(origins: Iterable[Origin]) -> tuple[ReadAt, ...]:
    """Each once."""
    return tuple(
        ReadAt(file=each.file, first_line=each.first, last_line=each.last) for each in dict.fromkeys(origins)
    )

"""Evidence out of a support report: what sos collects, or a directory of what commands printed.

kinds       what a file is, by its content
paths       what its path says: the report, the namespace, that it was cut
gathering   what there is
nodes       whether it is of one node, where no mark says so
spaces      namespaces out of that
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from halftrack.errors import UnreadableInput
from halftrack.evidence import tells
from halftrack.evidence.provenance import KERNEL, NODE, TAKEN_AT, Origin
from halftrack.evidence.values import UNNAMED, Gap, Input
from halftrack.formats import kernel_log, log_lines
from halftrack.formats.moments import moment_of, offset_of, up_s
from halftrack.formats.settings import release_of
from halftrack.live import gaps
from halftrack.live.collected import node, routes
from halftrack.live.collected.files import Files
from halftrack.live.collected.private import private
from halftrack.live.reports import kinds, nodes, spaces
from halftrack.live.reports.gathering import FILE, Found, Gathered
from halftrack.owners import sent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from halftrack.evidence.values import Evidence, Table
    from halftrack.formats.members import Member, Walk
    from halftrack.live.reports.spaces import Spaces

_BY_ITSELF: Final = frozenset(
    {kinds.ENTRIES, "sysctl", "uname", "date", "hostname", "uptime", FILE, "running", kinds.LOG}
)
"""What does not make a directory a report: text tables are read with such beside them already."""
_TOOLS: Final = {
    "nft": "/usr/sbin/nft",
    "nft.json": "/usr/sbin/nft",
    "save": "/usr/sbin/iptables",
    "listed": "/usr/sbin/iptables",
}
_MOST_NAMED: Final = 3

T = TypeVar("T")


def read(members: Iterator[Member], walk: Walk, *, by_mark: bool) -> Evidence | None:
    """Evidence of the one node that the files are of.

    ``by_mark``: None for files that do not look like a report more than like a handful of tables.
    Raises UnreadableInput where nothing is understood, or where there are several nodes.
    """
    gathered = Gathered(walk)
    gathered.take(members)
    found, report = _of_one_node(gathered)
    is_report = report in gathered.marked or any(each.kind not in _BY_ITSELF for each in found)
    if by_mark and not is_report:
        return None
    if not any(each.kind in {kinds.ENTRIES, "stat", "sysctl"} or each.parsed for each in found):
        raise UnreadableInput(
            "the time was up before anything about connection tracking was read in it"
            if walk.late
            else "it holds nothing about connection tracking: no table, no counters, no settings"
        )
    why = nodes.several(found) if report is None else None
    if why is not None:
        raise UnreadableInput(f"it holds {why}")
    return _evidence(found, gathered, substituted=report in gathered.cleaned)


def _of_one_node(gathered: Gathered) -> tuple[list[Found], str | None]:
    """What was found, in the order of its paths, and where the report begins."""
    reports = sorted(gathered.marked)
    if len(reports) > 1:
        shown = ", ".join(report or "." for report in reports[:_MOST_NAMED])
        more = ", …" if len(reports) > _MOST_NAMED else ""
        raise UnreadableInput(
            f"it holds {len(reports):,} reports ({shown}{more}): unpack it and name one, and with"
            " doctor --since another moment of the same node"
        )
    chosen = (
        gathered.found[reports[0]] if reports else [one for some in gathered.found.values() for one in some]
    )
    return sorted(chosen, key=lambda each: (each.at.report, each.at.path)), reports[0] if reports else None


def _evidence(found: Sequence[Found], gathered: Gathered, *, substituted: bool) -> Evidence:
    of = spaces.made(found, gathered.walk)
    printed = [(each.kind, each.shown) for each in found if sent.is_one(each.kind)]
    lacking: list[Gap] = []
    if gathered.walk.late:
        lacking.append(Gap("the rest of the report", gaps.LATE, (), tells.OF_ENTRIES))
    if not printed:
        needs = ("podman inspect $(podman ps -q); docker inspect $(docker ps -q)",)
        lacking.append(Gap("names of containers", "not in the report", needs))
    kernel, kernel_at = next(_told(found, "uname", _release), ("", None))
    taken_at, taken_from = _taken_at(found)
    name, name_at = next(_told(found, "hostname", str), ("", None))
    about = {"first": spaces.HOST_KEY, "node": name, "kernel": kernel}
    told = {KERNEL: kernel_at, TAKEN_AT: taken_from, NODE: name_at}
    logs = [each.log for each in found if each.log is not None]
    if not logs:
        lacking.append(Gap("kernel log", "not in the report", ("dmesg -T",)))
    with private() as root:
        files = Files(root)
        if name:
            files.take("/etc/hostname", name.encode())
        _fill(files, found)
        evidence = node.evidence(root, UNNAMED, about, of.spaces, lacking, logs=logs, printed=printed)
    tables = tuple(_without_networks(each) for each in evidence.tables) if substituted else evidence.tables
    walk = gathered.walk
    up = _up_s(found)
    clock = log_lines.Clock(taken_at, up, offset_of(text for text, _ in _told(found, "date", str)))
    return replace(
        evidence,
        source="sos",
        taken_at=taken_at,
        log=kernel_log.understood(logs, clock) if logs else None,
        read_from={what: (origin,) for what, origin in told.items() if origin is not None},
        tables=tables,
        user=None,
        up_s=None if up is None else int(up),
        input=_input(found, of, (*walk.notes, *of.notes), cut=walk.truncated, substituted=substituted),
    )


def _fill(files: Files, found: Iterable[Found]) -> None:
    for each in found:
        if each.kind == FILE:
            files.take(f"/{each.at.path}", each.text)
        elif each.kind in _TOOLS:
            files.touch([_TOOLS[each.kind]])
        elif each.kind == "running":
            names, first = spaces.running(each.shown)
            files.run(names)
            files.touch(["/run", *(["/run/systemd/system"] if first == "systemd" else [])])


def _told(found: Iterable[Found], kind: str, meant: Callable[[str], T | None]) -> Iterator[tuple[T, Origin]]:
    """What files of this kind say of the node, and where."""
    for each in found:
        if each.kind == kind and each.netns is None:
            value = meant(each.shown.strip())
            if value:
                yield value, Origin(each.at.path, 1, 1)


def _release(text: str) -> str | None:
    return release_of(text.splitlines()[0]) if text else None


def _taken_at(found: Sequence[Found]) -> tuple[datetime | None, Origin | None]:
    """When the commands ran; else when the tables say that they were read."""
    moments = list(_told(found, "date", moment_of))
    moments += [
        (each.parsed.taken_at, Origin(each.at.path, line, line))
        for each in found
        if each.parsed is not None and each.parsed.taken_at is not None
        for line in [each.parsed.lines_of.get(TAKEN_AT)]
    ]
    return next(iter(moments), (None, None))


def _up_s(found: Sequence[Found]) -> float | None:
    """Seconds since the boot, as ``/proc/uptime`` or ``uptime`` says."""
    told = (up_s(each.shown) for each in found if each.kind == "uptime")
    return next((seconds for seconds in told if seconds is not None), None)


def _without_networks(table: Table) -> Table:
    """Stand-ins tell one address from another, and nothing of which network they are in."""
    table = routes.without_ways(table)
    if table.addresses is None:
        return table
    whole = tuple(replace(each, prefix=128 if ":" in each.address else 32) for each in table.addresses)
    return replace(table, addresses=whole)


def _input(
    found: Sequence[Found], of: Spaces, notes: Sequence[str], *, cut: bool, substituted: bool
) -> Input:
    parsed = [(each.at.path, each.parsed) for each in found if each.parsed is not None]
    opaque = any(len(each.flows.opaque) for _, each in parsed)
    formats = {name for _, each in parsed for name in each.formats}
    faults = [f"{path}:{fault}" for path, each in parsed for fault in each.first_unreadable]
    return Input(
        files=tuple(dict.fromkeys(each.at.path for each in found)),
        lines=sum(each.lines for _, each in parsed),
        unreadable=sum(each.unreadable for _, each in parsed),
        first_unreadable=tuple(faults[:10]),
        truncated=cut or of.truncated,
        visible=of.visible,
        masked="substituted" if substituted else "visible" if opaque else "none",
        formats=tuple(sorted(formats)),
        notes=tuple(dict.fromkeys(notes)),
    )

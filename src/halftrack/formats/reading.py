"""Sources as Evidence: one table each, settings and assumptions of all of them together."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, TypeVar

from halftrack.errors import ReadAlone, UnreadableInput, UsageError
from halftrack.evidence.provenance import ENTRIES, KERNEL, TAKEN_AT, Origin
from halftrack.evidence.sysctls import PREFIX
from halftrack.evidence.values import Evidence, Gap, Input, Namespace, Table
from halftrack.formats import bundle, collection, members, sent
from halftrack.formats.bundle import short
from halftrack.formats.members import Walk
from halftrack.formats.named import opened, shown_names
from halftrack.formats.repeats import once
from halftrack.formats.settings import Assumed, assumed
from halftrack.formats.table import FAULTS, Parsed, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from halftrack.evidence.flows import FlowTable
    from halftrack.formats.named import Named
    from halftrack.formats.sent import Reported

_NUMBER: Final = re.compile(r"\d{1,12}", re.ASCII)
_T = TypeVar("_T")
_BEGINNING: Final = 512
_CUT: Final = (collection.CUT, short.WHY)
_LATE: Final = "the time for reading it was up (--budget)"
_UNDERSTOOD: Final = (
    "understood are /proc/net/nf_conntrack and ip_conntrack, conntrack -L (also -o extended, id, ktimestamp,"
    " labels, xml, save) and -E, plain or as gz, xz, bz2, zst"
)


def evidence_of(
    names: Sequence[str],
    *,
    assume: Mapping[str, str],
    stdin: BinaryIO | None,
    budget_s: float | None = None,
    collected: Callable[[Iterator[bytes], str], Evidence] | None = None,
    reported: Reported | None = None,
) -> Evidence:
    """What ``formats.read`` promises."""
    begun = time.monotonic()
    deadline = None if budget_s is None else begun + budget_s
    said = assumed(assume)
    if not names or "" in names:
        raise UsageError("name a file, or - for standard input")
    if len(set(names)) < len(names):
        raise UsageError("the same file is named twice")
    if len(names) == 1 and reported is not None and os.path.isdir(names[0]):  # noqa: PTH112  # as Path raises
        report = sent.of_directory(names[0], shown_names(names)[0], reported, Walk(deadline))
        if report is not None:
            return _with_said(report, said, begun)
    given = opened(names, stdin, deadline)
    if len(given) == 1 and bundle.begins(given[0].source):
        return _packed(given[0], said, begun, bundle.read)
    if len(given) == 1 and collected is not None and collection.begins(given[0].source):
        return _packed(given[0], said, begun, collected)
    if len(given) == 1 and reported is not None and members.is_archive(given[0].source):
        found = sent.of_archive(given[0].source, given[0].name, reported)
        return _with_said(found, said, begun)
    files, passed_over = _files(names[0], given)
    settings: dict[str, str] = {}
    read_from: dict[str, tuple[Origin, ...]] = {}
    for file in files:
        settings.update(file.parsed.settings)
        read_from |= {name: file.line_of(name) for name in file.parsed.settings}
    settings.update(said.settings)
    read_from |= said.read_from(said.settings)
    return Evidence(
        node=files[0].name if len(files) == 1 else f"{files[0].name} and {len(files) - 1} more",
        source="dump",
        kernel=said.kernel or _first(file.parsed.kernel for file in files),
        taken_at=said.taken_at or _first(file.parsed.taken_at for file in files),
        tables=tuple(_table(file, settings, read_from) for file in files if file.holds_table),
        gaps=tuple(gap for file in files for gap in _gaps(file)),
        input=_input(files, said, passed_over),
        seconds=time.monotonic() - begun,
        read_from={
            what: origins
            for what in (KERNEL, TAKEN_AT)
            if (origins := said.read_from((what,)).get(what) or _first(file.line_of(what) for file in files))
        },
    )


@dataclass(frozen=True, slots=True)
class _File:
    """``path`` as it was given, ``name`` as it is shown. ``flows``: the parsed ones, each once."""

    path: str
    name: str
    parsed: Parsed
    flows: FlowTable
    truncated: bool
    notes: tuple[str, ...]

    def line_of(self, what: str) -> tuple[Origin, ...]:
        """Where it says a setting, the kernel or the time; empty where it does not."""
        line = self.parsed.lines_of.get(what)
        if line is None and what == TAKEN_AT and self.parsed.taken_at is not None:
            return (Origin(self.name),)
        return () if line is None else (Origin(self.name, line, line),)

    @property
    def holds_table(self) -> bool:
        """Not a file of nothing but settings."""
        return len(self.flows) > 0 or self.parsed.lines == self.parsed.unreadable


def _packed(
    one: Named, said: Assumed, begun: float, read: Callable[[Iterator[bytes], str], Evidence]
) -> Evidence:
    if said.shown:
        raise UsageError("--assume is for what a file does not say: a bundle says it")
    found = read(one.source.chunks(), one.name)
    named = replace(
        found.input,
        files=(one.name,),
        inside="",
        formats=("bundle",),
        truncated=one.source.truncated or found.input.truncated,
        notes=(*one.source.notes, *found.input.notes),
    )
    # What was cut off by us was not on its way.
    gaps = tuple(
        replace(gap, why=_LATE) if one.source.late and gap.why in _CUT else gap for gap in found.gaps
    )
    return replace(found, source="bundle", gaps=gaps, input=named, seconds=time.monotonic() - begun)


def _with_said(found: Evidence, said: Assumed, begun: float) -> Evidence:
    """What the user says counts more than what a report does."""
    tables = tuple(
        replace(
            table,
            settings=settings,
            limit=_number(settings.get(f"{PREFIX}max")),
            read_from={**table.read_from, **said.read_from(said.settings)},
        )
        for table in found.tables
        for settings in [{**table.settings, **said.settings}]
    )
    return replace(
        found,
        kernel=said.kernel or found.kernel,
        taken_at=said.taken_at or found.taken_at,
        tables=tables,
        input=replace(found.input, assumed=dict(said.shown)),
        read_from={**found.read_from, **said.read_from((KERNEL, TAKEN_AT))},
        seconds=time.monotonic() - begun,
    )


def _file(one: Named) -> _File:
    source = one.source
    if bundle.begins(source) or collection.begins(source):
        raise ReadAlone(f"{one.name} is a bundle: it is read by itself")
    if members.is_archive(source):
        raise ReadAlone(f"{one.name} is an archive: it is read by itself")
    beginning = source.beginning(_BEGINNING)
    parsed = parse(source.chunks())
    if parsed.lines and parsed.lines == parsed.unreadable:
        raise UnreadableInput(
            f"{source.name}: not one of {parsed.lines:,} lines can be read"
            f" (line {parsed.first_unreadable[0]}); {_UNDERSTOOD}"
        )
    flows, repeats = once(parsed.flows)
    notes = [*source.notes, *parsed.notes, *repeats]
    if not parsed.lines:
        if b"\0" in beginning:
            raise UnreadableInput(f"{one.name} holds NUL bytes and no text, as files do after a crash")
        notes.append(
            f"{one.name} holds no line: an empty table, or one that could not be read where it was made."
        )
    return _File(one.path, one.name, parsed, flows, parsed.truncated or source.truncated, tuple(notes))


def _files(named: str, given: Sequence[Named]) -> tuple[list[_File], list[str]]:
    """Those that hold a table; notes on those that do not."""
    files: list[_File] = []
    passed_over: list[str] = []
    for one in given:
        try:
            file = _file(one)
        except UnreadableInput:
            if not one.found:
                raise
            file = None
        if file is not None and (file.parsed.lines or not one.found):
            files.append(file)
        else:
            passed_over.append(f"{one.name} holds no connection table.")
    if not files:
        raise UnreadableInput(f"{named} holds no file with a connection table; {_UNDERSTOOD}")
    return files, passed_over


def _table(file: _File, settings: Mapping[str, str], read_from: Mapping[str, tuple[Origin, ...]]) -> Table:
    flows = file.flows
    count = _number(file.parsed.settings.get(f"{PREFIX}count"))
    return Table(
        namespace=Namespace(file.name),
        # Read a moment before or after the lines: a table never holds fewer than were seen in it.
        count=max(len(flows), count or 0),
        limit=_number(settings.get(f"{PREFIX}max")),
        buckets=_number(settings.get(f"{PREFIX}buckets")),
        settings=dict(settings),
        flows=flows,
        unreadable=file.parsed.unreadable,
        read_from={**read_from, ENTRIES: (flows.stands_in(file.name),)},
    )


def _gaps(file: _File) -> Iterator[Gap]:
    if file.truncated:
        yield Gap(
            what=f"the rest of {file.name}",
            why="the file was cut short",
            needs=("the whole file",),
            netns=file.name,
        )
    if file.parsed.events:
        yield Gap(
            what=f"entries that no event of {file.name} names",
            why="events tell only what changed while they were recorded",
            needs=("conntrack -L",),
            netns=file.name,
        )
    if not file.parsed.lines:
        yield Gap(what=f"the entries of {file.name}", why="the file is empty", netns=file.name)


def _input(files: list[_File], said: Assumed, passed_over: Sequence[str]) -> Input:
    faults = [f"{file.name}:{fault}" for file in files for fault in file.parsed.first_unreadable]
    notes: dict[str, None] = {}
    for file in files:
        notes.update(dict.fromkeys(file.notes))
    notes.update(dict.fromkeys(passed_over))
    return Input(
        files=tuple(file.name for file in files),
        lines=sum(file.parsed.lines for file in files),
        unreadable=sum(file.parsed.unreadable for file in files),
        first_unreadable=tuple(faults[:FAULTS]),
        truncated=any(file.truncated for file in files),
        masked="visible" if any(len(file.parsed.flows.opaque) for file in files) else "none",
        formats=tuple(sorted({name for file in files for name in file.parsed.formats})),
        assumed=dict(said.shown),
        notes=tuple(notes),
    )


def _number(text: str | None) -> int | None:
    """A number that a sysctl can hold."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else None


def _first(values: Iterable[_T | None]) -> _T | None:
    return next((value for value in values if value), None)

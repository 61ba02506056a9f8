"""Entries to stdout, in slices: classic lines, JSON, CSV."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.commands import output
from halftrack.evidence.flows import FlowTable, conform
from halftrack.evidence.values import OWN
from halftrack.reporters import entries

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import polars as pl

    from halftrack.diagnosis.filters.chosen import Chosen


def as_classic(pieces: Iterable[Chosen], *, several: bool) -> None:
    """The one-line form; where there are several tables, lines of other namespaces end in ``netns=``."""
    from halftrack.formats import classic  # noqa: PLC0415  # the other forms do without

    ascii_only = output.wants_ascii()
    unseen = r"[^ -~]" if ascii_only else r"\p{C}"
    for rows in pieces:
        end = f" netns={rows.netns}" if several and rows.netns not in OWN else ""
        for part in rows.frame.iter_slices(entries.SLICE):
            lines = classic.lines(FlowTable(conform(part), rows.opaque))
            _write((lines + end if end else lines).str.replace_all(unseen, "?"))


def as_json_lines(pieces: Iterable[Chosen]) -> None:
    for lines in _objects(pieces):
        _write(lines)


def as_document(pieces: Iterable[Chosen]) -> None:
    """``halftrack.entries/1``, written while it is made."""
    output.write(b'{"schema":"halftrack.entries/1","entries":[\n')
    separator = b""
    for lines in _objects(pieces):
        if len(lines):
            output.write(separator + _joined(lines, ",\n"))
            separator = b",\n"
    output.write(b"\n]}\n")


def as_csv(pieces: Iterable[Chosen]) -> None:
    """With one header line, even where there are no entries."""
    output.write((",".join(entries.COLUMNS) + "\n").encode())
    for rows in pieces:
        for frame in entries.flat(rows):
            output.write(frame.write_csv(include_header=False).encode())


def _objects(pieces: Iterable[Chosen]) -> Iterator[pl.Series]:
    for rows in pieces:
        yield from entries.json_lines(rows)


def _write(lines: pl.Series) -> None:
    if len(lines):
        output.write(_joined(lines, "\n") + b"\n")


def _joined(lines: pl.Series, separator: str) -> bytes:
    return str(lines.str.join(separator).item()).encode()

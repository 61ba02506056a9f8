"""The last line: what was read, whether that is all, how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import words

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.layout import Page


def closing(diagnosis: Diagnosis, page: Page, *, label: str = "Read: ") -> list[str]:
    text = read(diagnosis)
    whole = "yes" if diagnosis.complete else "no"
    # The duration's blank is glued to its unit, so that the last line always ends in both.
    lines = page.wrap(f"{text}. Whole picture: {whole}. {max(diagnosis.seconds, 0.1):.1f}\x00s", label)
    return [line.replace("\\x00", " ") for line in lines]


def read(diagnosis: Diagnosis) -> str:
    """What was read, in words."""
    return _node(diagnosis) if diagnosis.of_node else _text(diagnosis)


def _node(diagnosis: Diagnosis) -> str:
    tables = diagnosis.tables
    read = [table for table in tables if table.read]
    where = tables[0].netns if len(tables) == 1 else words.count(len(tables), "namespace")
    if not read:
        return f"{where}, counts only{_packed(diagnosis)}"
    entries = words.entries(sum(table.entries or 0 for table in read))
    of = "" if len(read) == len(tables) else f" of {len(read):,} of them"
    return f"{where}, {entries}{of}{_packed(diagnosis)}"


def _packed(diagnosis: Diagnosis) -> str:
    if diagnosis.source not in {"bundle", "sos"}:
        return ""
    at = f" at {diagnosis.taken_at:%Y-%m-%d %H:%M} UTC" if diagnosis.taken_at is not None else ""
    return f", collected{at}"


def _text(diagnosis: Diagnosis) -> str:
    given = diagnosis.input
    formats = f", {', '.join(given.formats)}" if given.formats else ""
    files = f" in {words.count(len(given.files), 'file')}" if len(given.files) > 1 else ""
    return f"{given.lines - given.unreadable:,} of {words.count(given.lines, 'line')}{files}{formats}"

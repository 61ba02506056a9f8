"""What was read, and what was heard while somebody listened."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import words

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, Heard


def read(diagnosis: Diagnosis) -> str:
    """What was read, whether that is all, and how long it took: ``… Whole picture: no. 0.1 s``."""
    told = _node(diagnosis) if diagnosis.of_node else _text(diagnosis)
    whole = "yes" if diagnosis.complete else "no"
    return f"{told}. Whole picture: {whole}. {max(diagnosis.seconds, 0.1):.1f} s"


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
    if diagnosis.taken_at is None:
        return ", when is not told"
    return f", collected at {diagnosis.taken_at:%Y-%m-%d %H:%M} UTC"


def _text(diagnosis: Diagnosis) -> str:
    given = diagnosis.input
    formats = f", {', '.join(given.formats)}" if given.formats else ""
    files = f" in {words.count(len(given.files), 'file')}" if len(given.files) > 1 else ""
    return f"{given.lines - given.unreadable:,} of {words.count(given.lines, 'line')}{files}{formats}"


def heard(of: Heard) -> str:
    """How many began and ended, and how many of them in mid-stream."""
    least = "at least " if of.overruns else ""
    each = of.picked_up / of.seconds if of.seconds else 0.0
    text = (
        f"in {of.seconds:g} s {least}{words.entries(of.new)} began, {of.picked_up:,} of them in mid-stream"
        f" ({each:.1f} a second, {of.picked_up_peak_per_s:.1f} at most), {of.destroyed:,} ended."
    )
    if of.overruns:
        text += f" Events were lost {words.count(of.overruns, 'time')}: more came than could be fetched."
    if of.unreadable:
        text += f" {words.count(of.unreadable, 'event')} could not be read."
    return text

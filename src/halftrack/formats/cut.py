"""One block of text, cut into entries and whatever else its lines say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.flows import SCHEMA
from halftrack.formats import save
from halftrack.formats.digits import spread
from halftrack.formats.frames import frame_of, moved
from halftrack.formats.grammar import Grammar
from halftrack.formats.operations import run
from halftrack.formats.scan import Scan, scan
from halftrack.formats.shapes import Kind, Shape
from halftrack.formats.spellings import LONGEST, Spellings

if TYPE_CHECKING:
    import numpy.typing as npt

    from halftrack.formats.columns import Columns
    from halftrack.formats.digits import Places

SHOWN: Final = 120
"""Characters of a broken line that are shown."""
_BEGINNING: Final = 1 << 12
"""Where save lines are looked for to respell a block at once; later ones cost a second look."""
_MOST_OTHERS: Final = 2_000
"""Lines of settings and the like that are kept from one block; a node has some 300 of them."""


@dataclass(frozen=True, slots=True)
class Other:
    """A line that is no entry and still says something."""

    line: int
    kind: Kind
    text: str


@dataclass(slots=True)
class Cut:
    """What a block held. Line numbers count from 0 within the block.

    ``count``: all lines. ``frame``: the schema's columns; ``rows``: the line of each of its rows;
    ``events``: an Event per row, None where all are NONE. ``opaque``: spellings that ``frame``'s
    opaque addresses point into. ``lines``: those that are not blank, comment or wrapping.
    ``unreadable``: how many; ``faults``: the first of them as ``(line, reason, text)``.
    """

    frame: pl.DataFrame
    rows: Places
    count: int = 0
    events: npt.NDArray[np.uint8] | None = None
    opaque: list[str] = field(default_factory=list)
    lines: int = 0
    unreadable: int = 0
    faults: list[tuple[int, str, str]] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    formats: set[str] = field(default_factory=set)
    unended: bool = False
    """The last line is an entry that lacks what such a line ends with."""
    last_unreadable: bool = False


class Cutter:
    """Cuts blocks of one reading; may be used from several threads.

    ``thorough`` looks at every address as text, as is otherwise done only where it is needed.
    """

    def __init__(self, *, most_faults: int = 10, thorough: bool = False) -> None:
        self._most_faults = most_faults
        self._thorough = thorough
        self._grammars = {captured: Grammar(addresses_captured=captured) for captured in (False, True)}

    def cut(self, block: bytes) -> Cut:
        """A block of whole lines, each with its newline."""
        if not block:
            return Cut(pl.DataFrame(schema=dict(SCHEMA)), np.empty(0, dtype=np.intp))
        if self._thorough or b" -s " in block[:_BEGINNING]:
            block = save.respell(block)
        text = scan(block, every_address=self._thorough)
        whole, again = self._read(block, text, captured=self._thorough)
        if not len(again):
            return whole
        lengths = text.ends[again] + 1 - text.starts[again]
        rest_block = np.frombuffer(block, np.uint8)[spread(text.starts[again], lengths)].tobytes()
        rest_block = save.respell(rest_block)
        rest, _ = self._read(rest_block, scan(rest_block, every_address=True), captured=True)
        return _joined(whole, rest, again)

    def _read(self, block: bytes, text: Scan, *, captured: bool) -> tuple[Cut, Places]:
        """What can be read, and the lines that need every address captured."""
        shapes, which = self._grammars[captured].shapes_of(text.skeletons)
        kinds = np.array([shape.kind for shape in shapes], dtype=np.uint8)[which]
        spellings = Spellings(text)
        columns = run(shapes, which, text, spellings)
        _constants(columns, shapes, which)
        fault = columns.fault
        again = columns.again | (kinds == Kind.AGAIN)
        if not captured:
            again[text.padded] |= kinds[text.padded] == Kind.ENTRY
        # Captured addresses are no quads, so a second pass asks for no third.
        entry = (kinds == Kind.ENTRY) & (fault == 0) & ~again
        rows_read = np.flatnonzero(entry)
        used = [shapes[index] for index in np.unique(which[rows_read]).tolist()]
        cut = Cut(
            frame=frame_of(columns, rows_read),
            rows=rows_read,
            count=len(text),
            opaque=spellings.opaque,
            lines=int(np.count_nonzero(kinds != Kind.SKIPPED)),
            formats={shape.format for shape in used},
            unended=bool(entry[-1]) and not shapes[which[-1]].ended,
        )
        if any(shape.event for shape in used):
            cut.events = np.array([shape.event for shape in shapes], dtype=np.uint8)[which[rows_read]]
        bad = np.flatnonzero((kinds == Kind.UNREADABLE) | ((fault > 0) & ~again))
        cut.unreadable = len(bad)
        cut.last_unreadable = len(bad) > 0 and int(bad[-1]) == len(text) - 1
        for line in bad[: self._most_faults].tolist():
            reason = columns.reasons[fault[line]] or shapes[which[line]].reason
            cut.faults.append((line, reason, _line(block, text, line, SHOWN)))
        for line in np.flatnonzero(kinds >= Kind.SHOWN)[:_MOST_OTHERS].tolist():
            cut.others.append(Other(line, Kind(kinds[line]), _line(block, text, line, LONGEST)))
        return cut, np.flatnonzero(again)


def printable(text: bytes) -> str:
    """Text of unknown origin, safe to show on a terminal."""
    decoded = text.decode("utf-8", "backslashreplace").rstrip("\r")
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in decoded
    )


def _line(block: bytes, text: Scan, line: int, most: int) -> str:
    start, end = int(text.starts[line]), int(text.ends[line])
    return printable(block[start : min(end, start + most)])


def _constants(columns: Columns, shapes: list[Shape], which: Places) -> None:
    """What is the same for all lines of a shape."""
    columns.put("status", slice(None), np.array([shape.status for shape in shapes], dtype=np.uint32)[which])
    for column, numbers in (
        ("state", [shape.state for shape in shapes]),
        ("l4proto", [shape.l4proto for shape in shapes]),
    ):
        values = np.array(numbers, dtype=np.int16)[which]
        known = np.flatnonzero(values >= 0)
        columns.put(column, known, values[known])


def _joined(whole: Cut, rest: Cut, again: Places) -> Cut:
    """``rest`` was cut from the lines ``again`` of the same block."""
    rows = np.concatenate([whole.rows, again[rest.rows]])
    order = np.argsort(rows)
    if whole.events is not None or rest.events is not None:
        events = [
            np.zeros(len(cut.rows), dtype=np.uint8) if cut.events is None else cut.events
            for cut in (whole, rest)
        ]
        whole.events = np.concatenate(events)[order]
    whole.frame = pl.concat([whole.frame, moved(rest.frame, len(whole.opaque))])[order]
    if int(again[-1]) == whole.count - 1:
        whole.unended, whole.last_unreadable = rest.unended, rest.last_unreadable
    whole.rows = rows[order]
    whole.opaque = [*whole.opaque, *rest.opaque]
    whole.unreadable += rest.unreadable
    faults = [(int(again[line]), reason, text) for line, reason, text in rest.faults]
    whole.faults = sorted([*whole.faults, *faults])
    whole.formats |= rest.formats
    return whole

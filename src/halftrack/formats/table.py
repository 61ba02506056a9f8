"""A text table, of whatever format its lines are, as a flow table."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import numpy as np
import polars as pl

from halftrack.evidence.addresses import OPAQUE_HI
from halftrack.evidence.flows import ADDRESS_COLUMNS, SCHEMA, TUPLE_COLUMNS, FlowTable
from halftrack.evidence.provenance import KERNEL, TAKEN_AT
from halftrack.formats import memory
from halftrack.formats.blocks import Block, blocks
from halftrack.formats.cut import SHOWN, Cut, Cutter, Other, printable
from halftrack.formats.frames import moved
from halftrack.formats.masks import settle
from halftrack.formats.mending import mended
from halftrack.formats.moments import moment_of
from halftrack.formats.settings import assignment, release_of
from halftrack.formats.shapes import Event, Kind
from halftrack.formats.spellings import coded

if TYPE_CHECKING:
    import numpy.typing as npt

MOST_ENTRIES: Final = 5_000_000
"""Entries that are kept of one table: up to 3 GB of memory. Kernels hold a few million at most."""
FAULTS: Final = 10
"""Broken lines that are shown."""
_WORKERS: Final = 2
_LARGE: Final = 1 << 20
_MOST_OTHERS: Final = 10_000
_SHOWN_COUNT: Final = re.compile(r"(\d+) flow entries")
_BEGUN: Final = re.compile(
    rb"^\s*(?:i|ip|ipv|ipv[46])$|\bipv[46] |^\s*[a-z]{2,8} +\d+(?: |$)|\bsrc=|<flow"
    rb"|\[(?:NEW|UPDATE|DESTROY)\]"
    rb"|^-[ADU] -"
)
"""How an entry begins: the last line of a file without a newline may be the half of one."""
_NS: Final = 1_000_000_000
_XML: Final = "conntrack -o xml"
_LATEST: Final = 1 << 33
"""A moment in the year 2242: what lies after it is no time at which a table was read."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a text held.

    ``lines``: those that are not blank, a comment or XML's wrapping. ``first_unreadable``:
    ``line: reason: text``, at most ten. ``events``: the flows are what event lines left.
    ``settings``: full sysctl names. ``taken_at``: from a line of date(1), or from the start times
    of the entries. ``lines_of``: the line of each setting, of ``kernel`` and of ``taken_at``, where
    one says it.
    """

    flows: FlowTable
    lines: int = 0
    unreadable: int = 0
    first_unreadable: tuple[str, ...] = ()
    truncated: bool = False
    formats: tuple[str, ...] = ()
    events: bool = False
    notes: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)
    kernel: str | None = None
    taken_at: datetime | None = None
    lines_of: Mapping[str, int] = field(default_factory=dict)


def parse(
    chunks: Iterable[bytes],
    *,
    thorough: bool = False,
    most_entries: int = MOST_ENTRIES,
    lines_before: int = 0,
) -> Parsed:
    """Read a text table, given in pieces of any size.

    Lines that cannot be read are counted and never raise. ``thorough`` takes the road that is
    otherwise kept for unusual addresses; the result is the same. ``lines_before``: of the same text,
    that are not given.
    """
    gathered = _Gathered(most_entries, lines_before)
    for block, cut in _cuts(blocks(mended(chunks)), Cutter(most_faults=FAULTS, thorough=thorough)):
        gathered.add(block, cut)
        if gathered.full:
            break
    return gathered.parsed()


def _cuts(parts: Iterator[Block], cutter: Cutter) -> Iterator[tuple[Block, Cut]]:
    """Each block with what it held, in order; cut in threads, as numpy and Polars let others run."""
    with ThreadPoolExecutor(_WORKERS) as pool:
        waiting: deque[tuple[Block, Future[Cut]]] = deque()
        for block in parts:
            if len(block.text) > _LARGE:
                memory.keep()
            waiting.append((block, pool.submit(cutter.cut, block.text)))
            if len(waiting) > _WORKERS:
                done, cut = waiting.popleft()
                yield done, cut.result()
        for done, cut in waiting:
            yield done, cut.result()


class _Gathered:
    """What the blocks read so far held."""

    def __init__(self, most_entries: int, lines_before: int) -> None:
        self._most = most_entries
        self._frames: list[pl.DataFrame] = []
        self._events: list[npt.NDArray[np.uint8]] = []
        self._any_event = False
        self._opaque: list[str] = []
        self._height = 0
        self._lines = 0
        self._lines_before = lines_before
        self._numbers: list[npt.NDArray[np.uint32]] = []
        self._unreadable = 0
        self._faults: list[str] = []
        self._others: list[Other] = []
        self._formats: set[str] = set()
        self._notes: list[str] = []
        self._truncated = False

    @property
    def full(self) -> bool:
        return self._height >= self._most

    def add(self, block: Block, cut: Cut) -> None:
        if block.overlong:
            self._lines += 1
            self._unreadable += 1
            self._fault(0, "longer than any entry", printable(block.overlong[:SHOWN]))
        frame, height = cut.frame, cut.frame.height
        if not block.ended:
            last = block.text.rstrip(b"\n").rpartition(b"\n")[2][:SHOWN]
            if cut.unended:
                # The last number may have lost digits.
                height -= 1
                self._unreadable += 1
                cut.faults.append((int(cut.rows[-1]), "cut short", printable(last)))
            self._truncated |= cut.unended or (cut.last_unreadable and _BEGUN.search(last) is not None)
        if self._height + height > self._most:
            height = self._most - self._height
            self._truncated = True
            self._notes.append(f"Only the first {self._most:,} entries were read.")
        if height:  # blocks of nothing but blank lines may be many
            self._frames.append(moved(frame.head(height), len(self._opaque)))
            rows = cut.rows[:height] if block.numbers is None else block.numbers[cut.rows[:height]]
            self._numbers.append((rows + (self._lines_before + 1)).astype(np.uint32))
            self._events.append(np.zeros(height, np.uint8) if cut.events is None else cut.events[:height])
        self._any_event |= cut.events is not None
        self._opaque += cut.opaque
        self._height += height
        self._lines += cut.lines
        self._unreadable += cut.unreadable
        self._formats |= cut.formats
        self._others += [
            replace(other, line=self._lines_before + block.line(other.line) + 1)
            for other in cut.others[: _MOST_OTHERS - len(self._others)]
        ]
        for line, reason, text in cut.faults:
            self._fault(block.line(line), reason, text)
        self._lines_before += block.lines

    def _fault(self, line: int, reason: str, text: str) -> None:
        if len(self._faults) < FAULTS:
            shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."  # escapes make it longer
            self._faults.append(f"{self._lines_before + line + 1}: {reason}: {shown}")

    def parsed(self) -> Parsed:
        frame, opaque = self._table()
        lines = self._lines_of_rows()
        if self._any_event:
            frame, lines = self._folded(frame, lines)
        else:
            self._compare_with_shown()
        if len(opaque):
            frame, notes = settle(frame, opaque)
            self._notes += notes
        told = self._told()
        taken_at, line = self._taken_at(frame)
        lines_of = {name: line for name, (_, line) in told.items()}
        return Parsed(
            flows=FlowTable(frame, opaque, lines),
            lines=self._lines,
            unreadable=self._unreadable,
            first_unreadable=tuple(self._faults),
            truncated=self._truncated,
            formats=tuple(sorted(self._formats)),
            events=self._any_event,
            taken_at=taken_at,
            notes=tuple(self._notes),
            settings={name: value for name, (value, _) in told.items() if name != KERNEL},
            kernel=told[KERNEL][0] if KERNEL in told else None,
            lines_of=lines_of if line is None else {**lines_of, TAKEN_AT: line},
        )

    def _told(self) -> dict[str, tuple[str, int]]:
        """Settings, the last of each, and the first kernel, with their lines."""
        told = {
            pair[0]: (pair[1], other.line)
            for other in self._of(Kind.SETTING)
            if (pair := assignment(other.text)) is not None
        }
        for other in self._of(Kind.RELEASE):
            release = release_of(other.text)
            if release is not None:
                return {**told, KERNEL: (release, other.line)}
        return told

    def _lines_of_rows(self) -> pl.Series:
        numbers = np.concatenate(self._numbers) if self._numbers else np.empty(0, np.uint32)
        return pl.Series("line", numbers, dtype=pl.UInt32)

    def _table(self) -> tuple[pl.DataFrame, pl.Series]:
        if not self._frames:
            return pl.DataFrame(schema=dict(SCHEMA)), pl.Series("opaque", [], dtype=pl.String)
        frame = pl.concat(self._frames, rechunk=False)
        which, opaque = coded(pl.Series(self._opaque, dtype=pl.String))
        if len(opaque) < len(which):
            for stem in ADDRESS_COLUMNS:
                masked = (frame[f"{stem}_hi"] == OPAQUE_HI).to_numpy()
                low = frame[f"{stem}_lo"].to_numpy().copy()
                low[masked] = which[low[masked].astype(np.intp)]
                frame = frame.with_columns(pl.Series(f"{stem}_lo", low))
        return frame, opaque.alias("opaque")

    def _folded(self, frame: pl.DataFrame, lines: pl.Series) -> tuple[pl.DataFrame, pl.Series]:
        """Events as the table that they leave: what was said of an entry last, if it was not its end."""
        left = (
            frame.with_columns(lines, event=pl.Series(np.concatenate(self._events)))
            .unique(TUPLE_COLUMNS, keep="last", maintain_order=True)
            .filter(pl.col("event") != Event.DESTROY)
            .drop("event")
        )
        self._notes.append(
            f"Of {frame.height:,} events these entries are left: {left.height:,};"
            " entries without an event are missing."
        )
        return left.drop("line"), left["line"]

    def _compare_with_shown(self) -> None:
        shown = sum(
            int(match[1]) for other in self._of(Kind.SHOWN) if (match := _SHOWN_COUNT.search(other.text))
        )
        if shown > self._height + self._unreadable:
            self._truncated = True
            self._notes.append(
                f"conntrack(8) says that it showed {shown:,} entries; {self._height:,} are here."
            )

    def _taken_at(self, frame: pl.DataFrame) -> tuple[datetime | None, int | None]:
        """And the line that says so, where one does."""
        moments = [
            (moment, other.line) for other in self._of(Kind.MOMENT) if (moment := moment_of(other.text))
        ]
        return moments[-1] if moments else (self._by_start_times(frame), None)

    def _by_start_times(self, frame: pl.DataFrame) -> datetime | None:
        if frame["start_ns"].null_count() == frame.height:
            return None
        if self._formats != {_XML}:
            self._notes.append("Start times in the text name no time zone: taken as UTC.")
        if self._any_event:
            return None
        last = frame.select((pl.col("start_ns") // _NS + pl.col("delta_time").cast(pl.Int64)).max()).item()
        if last is None or last > _LATEST:
            return None
        return datetime.fromtimestamp(last, UTC)

    def _of(self, kind: Kind) -> list[Other]:
        return [other for other in self._others if other.kind == kind]

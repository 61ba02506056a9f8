"""A replay as it is asked for on the command line: what is wanted, and the run over the capture."""

from __future__ import annotations

import contextlib
import io
import shlex
import stat
import time
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack import __version__
from halftrack.commands.lean import without_collector
from halftrack.diagnosis import ends, entries
from halftrack.diagnosis.filters.chosen import Chosen
from halftrack.diagnosis.view import view
from halftrack.errors import UsageError
from halftrack.formats import bundle, pcap
from halftrack.replaying import flows, result, ruling, table
from halftrack.replaying.evidence import NAME, evidence
from halftrack.replaying.following import Following
from halftrack.replaying.passing import POSITIONS
from halftrack.replaying.tracking import Replay
from halftrack.reporters.entries import json_lines

if TYPE_CHECKING:
    from typing import BinaryIO

    import polars as pl

    from halftrack.evidence.flows import FlowTable
    from halftrack.evidence.values import Evidence
    from halftrack.formats.node import Node
    from halftrack.formats.pcap.reading import Capture
    from halftrack.replaying.document import Explained, Replayed
    from halftrack.replaying.flows import Flow
    from halftrack.replaying.passing import Position
    from halftrack.replaying.ruling import Rules

EXAMPLE: Final = "--example"
"""In place of a file: the capture that comes with us."""
_EXAMPLE: Final = resources.files("halftrack").joinpath("examples", "founding.pcap")
_SHOWN: Final = 5
"""One-sided entries that a screen names."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """``node``: the file that tells kernel and settings.

    ``number``: of the packet whose flow is to be explained; ``flow``: one that was named by its ends.
    """

    file: str
    words: tuple[str, ...]
    kernel: str | None
    node: str | None
    at: Position
    interface: str | None
    rules: Rules
    against: Rules | None
    flow: Flow | None
    number: int | None

    def typed(self, program: str) -> str:
        """The command so far, as a shell reads it."""
        words = [self.file, *self.words]
        for option, value in (("--kernel", self.kernel), ("--from", self.node)):
            if value is not None:
                words += [option, value]
        if self.at != POSITIONS[0]:
            words += ["--at", self.at]
        if self.interface is not None:
            words += ["--interface", self.interface]
        return f"{program} replay {shlex.join(words)}"


def wanted(
    file: str,
    words: tuple[str, ...],
    *,
    kernel: str | None,
    node: Node | None,
    at: str,
    interface: str | None,
    against: tuple[str, ...],
    explained: str | None,
) -> Wanted:
    """Raises UsageError for words that mean nothing."""
    release = kernel or (node.kernel if node is not None else None) or ruling.DEFAULT
    rules = ruling.rules(words, release, node.settings if node is not None else {})
    position = next(one for one in POSITIONS if one == at)
    other = ruling.against(against, rules) if against else None
    flow = number = None
    if explained is not None:
        text = explained.strip().removeprefix("#")
        if text.isascii() and text.isdigit() and len(text) < 19:
            number = int(text)
        else:
            flow = flows.parse(explained)
    if number is not None and file == "-":
        raise UsageError("--explain N reads the capture twice: name a file in place of -")
    told = node.name if node is not None else None
    return Wanted(file, words, kernel, told, position, interface, rules, other, flow, number)


class Run:
    """``packets``: of the file, so far. After ``work`` all else is known."""

    def __init__(self, wanted: Wanted, stdin: BinaryIO | None, budget_s: float | None = None) -> None:
        self.wanted = wanted
        self.packets = 0
        self._until = None if budget_s is None else time.monotonic() + budget_s
        self.capture = _opened(wanted, stdin, self._until)
        self._following: Following | None = None
        self._other: Replay | None = None
        self._replay = Replay(wanted.rules.kernel.profile, wanted.rules.settings)
        self._notes: list[str] = []
        self._told_ways = False

    @cached_property
    def _size(self) -> int | None:
        """Bytes of a plain file."""
        with contextlib.suppress(OSError, ValueError):
            found = Path(self.wanted.file).stat()
            return found.st_size if stat.S_ISREG(found.st_mode) else None
        return None

    @property
    def share(self) -> float | None:
        """How much has been read, 0..1; None where nobody knows, as of packed files and of pipes."""
        size, read = self._size, self.capture.bytes_read
        return read / size if size and read <= size else None

    def work(self) -> None:
        """Read all of it. Raises UnreadableInput, UsageError where the flow is not there."""
        wanted = self.wanted
        flow = wanted.flow or (self._find(wanted.number) if wanted.number is not None else None)
        rules = wanted.rules
        if flow is not None:
            self._following = Following(flow, alone=rules.limit is None)
        self._replay = _replay(rules, wanted.at, self._following)
        if wanted.against is not None:
            self._other = _replay(wanted.against, wanted.at)
        runs = [one for one in (self._replay, self._other) if one is not None]
        tally = self.capture.tally
        with without_collector():
            for frame in self.capture.frames():
                for one in runs:
                    if one.first_ns is None:
                        one.first_ns = tally.first_ns
                    one.feed(frame)
                self._told_ways = self._told_ways or not frame["outgoing"].is_null().all()
                self.packets = tally.packets
                if self._until is not None and time.monotonic() > self._until:
                    tally.whole = False
                    self._notes.append("The time was up before all of it was read.")
                    break
        for one in runs:
            one.first_ns = tally.first_ns if one.first_ns is None else one.first_ns
            one.close(tally.last_ns)
        if self._following is not None and not self._following.seen:
            raise UsageError(f"no packet of {flow} passes in {self.capture.name}")

    def _find(self, number: int) -> Flow:
        """The flow of a packet, by a look through the capture before the replay."""
        capture = _opened(self.wanted)
        for frame in capture.frames():
            found = flows.of_packet(frame, number)
            if found is not None:
                return found
            if capture.tally.packets >= number:
                break
        if number > capture.tally.packets or number < 1:
            raise UsageError(f"there is no packet {number:,}: {capture.name} has {capture.tally.packets:,}")
        raise UsageError(f"packet {number:,} of {capture.name} is none that a tracker is asked about")

    @cached_property
    def flows(self) -> FlowTable:
        """The table at the end."""
        return table.table(self._replay)

    @cached_property
    def _evidence(self) -> Evidence:
        return evidence(self.capture.name, self._replay, self.wanted.rules, self.flows)

    @cached_property
    def _frame(self) -> pl.DataFrame:
        """The table with what ``list`` shows of an entry."""
        seen = self._evidence
        return ends.ends(view(seen.tables[0], seen).flows.lazy()).collect()

    def parquet(self) -> bytes:
        """The table as a file."""
        into = io.BytesIO()
        self.flows.frame.write_parquet(into)
        return into.getvalue()

    def bundle(self) -> bytes:
        """The table as all that is known of a node, which every verb reads."""
        into = io.BytesIO()
        bundle.write(self._evidence, f"halftrack {__version__} replay", into)
        return into.getvalue()

    def document(self, *, with_entries: bool) -> Replayed:
        """``halftrack.replay/1``."""
        rules, tally = self.wanted.rules, self.capture.tally
        notes = list(self._notes)
        if self.wanted.at != "all" and not self._told_ways:
            notes.append("The capture does not tell which way packets went: --at changes nothing.")
        if self._asked_in_vain():
            notes.append(
                f"Packet {self.wanted.number:,} itself passes no tracker here: it goes the other way than"
                " --at says, or was captured before on another interface."
            )
        against = None
        if self._other is not None and self.wanted.against is not None:
            against = result.compared(tally, self.flows, self._other, self.wanted.against, rules)
            notes += [note for note in self.wanted.against.notes if note not in rules.notes]
        document = result.replayed(
            self.capture.name,
            tally,
            self.wanted.at,
            self._replay,
            rules,
            flows=self.flows,
            settings_of=self.wanted.node,
            notes=tuple(notes),
            explained=self._explained(),
            against=against,
        )
        if not with_entries:
            return document
        return msgspec.structs.replace(document, entries=msgspec.Raw(self._entries()))

    def _asked_in_vain(self) -> bool:
        """Whether the packet whose flow is explained is none of those that pass."""
        following, number = self._following, self.wanted.number
        if following is None or number is None or following.left_out:
            return False
        return all(one.packet.number != number for one in following.seen)

    def _explained(self) -> Explained | None:
        if self._following is None:
            return None
        return result.explained(self._following, self.wanted.number, self._replay.end_s)

    def _entries(self) -> bytes:
        rows = Chosen(NAME, self._frame, self.flows.opaque)
        pieces = [str(lines.str.join(",").item()) for lines in json_lines(rows) if len(lines)]
        return f"[{','.join(pieces)}]".encode()

    def shown(self) -> tuple[tuple[int, str, int], ...]:
        """The first one-sided entries: number of the first packet, flow, seconds left."""
        frame = self.flows.frame.filter(entries.one_sided()).sort("id").head(_SHOWN)
        return tuple(
            (row["id"], str(flows.of_entry(row)), row["timeout"]) for row in frame.iter_rows(named=True)
        )


def _replay(rules: Rules, at: Position, following: Following | None = None) -> Replay:
    return Replay(rules.kernel.profile, rules.settings, limit=rules.limit, at=at, following=following)


def _opened(wanted: Wanted, stdin: BinaryIO | None = None, until: float | None = None) -> Capture:
    if wanted.file != EXAMPLE:
        return pcap.capture(wanted.file, stdin, interface=wanted.interface, deadline=until)
    found = pcap.capture("-", io.BytesIO(_EXAMPLE.read_bytes()), interface=wanted.interface, deadline=until)
    found.name = _EXAMPLE.name
    return found

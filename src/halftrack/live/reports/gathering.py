"""What a report holds: the tables read as they come, everything else kept until all of it is known."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.formats import kernel_log, table
from halftrack.formats.pieces import peeked
from halftrack.live.reports import kinds, paths

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.formats.kernel_log import Scanned
    from halftrack.formats.members import Member, Walk
    from halftrack.formats.table import Parsed
    from halftrack.live.reports.paths import Place

_MOST_TEXT: Final = 64 << 20
"""Of one file."""
_MOST_KEPT: Final = 512 << 20
_SMALL: Final = 1 << 20
_MOST_TABLES: Final = 2_000
_MARK_OF_CLEAN: Final = re.compile(rb'"cleaner": *\{')
_MOST_MANIFEST: Final = 16 << 20

FILE: Final = "file"
SETTING: Final = "setting"
_RUNNING: Final = re.compile(r"ps_aux\w*")
_ABOUT: Final = re.compile(r"(?P<what>hostname|date|uptime)(?:_-\S+)?")
_MOST_LOGS: Final = 200


@dataclass(frozen=True, slots=True)
class Found:
    """``kind``: as ``kinds.of`` says, or another that the path tells; ``netns``, ``device``: what it says."""

    at: Place
    kind: str
    netns: str | None
    text: bytes = b""
    parsed: Parsed | None = None
    log: Scanned | None = None
    device: str | None = None

    @property
    def shown(self) -> str:
        """The text as somebody reads it."""
        return self.text.decode("utf-8", "replace")


@dataclass(slots=True)
class Gathered:
    """``found``: by the report that holds it. ``marked``: reports with marks of sos; ``clean``: cleaned."""

    walk: Walk
    found: dict[str, list[Found]] = field(default_factory=lambda: defaultdict(list))
    marked: set[str] = field(default_factory=set)
    cleaned: set[str] = field(default_factory=set)
    _kept: int = 0
    _entries: int = 0
    _tables: int = 0
    _logs: int = 0

    def take(self, members: Iterator[Member]) -> None:
        for member in members:
            at = paths.place(member.path)
            if at.path.partition("/")[0] in paths.OF_SOS:
                self.marked.add(at.report)
            found = self._found(at, member)
            if found is not None:
                self.found[at.report].append(found)

    def _found(self, at: Place, member: Member) -> Found | None:
        if self._is_mark(at, member):
            return None
        by_path = SETTING if paths.setting(at.path) else FILE if paths.file_of_node(at.path) else None
        if by_path is not None:
            return self._kept_text(at, by_path, None, member.pieces, _SMALL)
        if at.path.startswith(("etc/", "usr/", "lib/", "var/", "sos_logs/", "sos_reports/")):
            return self._log(at, member.pieces) if paths.log(at.path) else None
        head, pieces = peeked(member.pieces, kinds.HEAD)
        netns = kinds.echoed_netns(head)
        kind = kinds.of(head, at.name)
        if kind in {kinds.ENTRIES, kinds.LOG}:
            return self._table(at, netns, pieces) if kind == kinds.ENTRIES else self._log(at, pieces)
        about = _ABOUT.fullmatch(at.name)
        if _RUNNING.fullmatch(at.name):
            kind = "running"
        elif kind is None and head.count(b"\n") <= 1:
            kind = about["what"] if about is not None else kinds.of_clock(head)
        return None if kind is None else self._kept_text(at, kind, netns, pieces, _MOST_TEXT)

    def _table(self, at: Place, netns: str | None, pieces: Iterator[bytes]) -> Found | None:
        self._tables += 1
        if self._tables > _MOST_TABLES:
            self.walk.leave_out(f"It holds more than {_MOST_TABLES:,} tables: the rest was not read.")
            return None
        if at.tailed:
            pieces = _after_a_line(pieces)
        most = max(table.MOST_ENTRIES - self._entries, 1)
        parsed = table.parse(pieces, most_entries=most, lines_before=int(at.tailed))
        self._entries += len(parsed.flows)
        return Found(at, kinds.ENTRIES, netns, parsed=parsed)

    def _log(self, at: Place, pieces: Iterator[bytes]) -> Found | None:
        self._logs += 1
        if self._logs > _MOST_LOGS:
            self.walk.leave_out(f"It holds more than {_MOST_LOGS:,} logs: the rest was not read.")
            return None
        scanned = kernel_log.scan(_after_a_line(pieces) if at.tailed else pieces, escaped(at.path))
        return Found(at, kinds.LOG, None, log=scanned)

    def _kept_text(
        self, at: Place, kind: str, netns: str | None, pieces: Iterator[bytes], most: int
    ) -> Found | None:
        text = bytearray()
        for piece in pieces:
            text += piece[: most - len(text)]
            if len(text) >= most:
                break
        if self._kept + len(text) > _MOST_KEPT:
            self.walk.leave_out("It holds more text than any report: the rest was passed over.")
            return None
        self._kept += len(text)
        device = kinds.echoed_device(bytes(text[: kinds.HEAD])) if kind == "tc-class" else None
        return Found(at, kind, netns, bytes(text), device=device)

    def _is_mark(self, at: Place, member: Member) -> bool:
        """Whether it is one of the files by which ``sos clean`` is known."""
        if at.report.endswith("-obfuscated") or at.path == "sos_logs/cleaner.log":
            self.cleaned.add(at.report)
        if at.path != "sos_reports/manifest.json":
            return False
        text = bytearray()
        for piece in member.pieces:
            text += piece[: _MOST_MANIFEST - len(text)]
        if _MARK_OF_CLEAN.search(text):
            self.cleaned.add(at.report)
        return True


def _after_a_line(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Without the first line, of which a cut by bytes leaves a part."""
    begun = False
    for piece in pieces:
        _, feed, rest = (b"", b"", piece) if begun else piece.partition(b"\n")
        begun = begun or bool(feed)
        if rest:
            yield rest

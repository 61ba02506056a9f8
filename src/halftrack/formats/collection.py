"""What the collecting script prints: sections of text between lines that no content can know.

    halftrack-collection 1 TOKEN
    TOKEN begin SECONDS NAME        seconds since boot
    ...whatever the command printed...
    TOKEN end CODE NAME
    TOKEN complete
    TOKEN stopped SECONDS           in place of that, where its time was up after so many

TOKEN is made up for each run, so what a container calls itself cannot end a section. Before each of
these lines stands a line feed that is no content.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from halftrack.errors import UnreadableInput
from halftrack.evidence.printable import escaped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.formats.sources import Source

_FIRST: Final = b"halftrack-collection "
_HEAD: Final = re.compile(rb"halftrack-collection 1 ([0-9A-Za-z-]{3,64})", re.ASCII)
_BEGIN: Final = re.compile(rb"begin ([0-9]{1,12}(?:\.[0-9]{1,6})?) ([^\0]{1,512})", re.ASCII)
_END: Final = re.compile(rb"end ([0-9]{1,3}) .*", re.ASCII)
_STOPPED: Final = re.compile(rb"stopped ([0-9]{1,6})", re.ASCII)
CUT: Final = "the script was stopped, or its output cut"
"""Why the rest is missing, where nothing tells more."""
_ANOTHER: Final = re.compile(rb"halftrack-collection 1 ([0-9A-Za-z-]{3,64})\n", re.ASCII)
_HELD: Final = 128
"""Bytes that are looked at once more with what follows them: either line may begin in them."""
_LONGEST_LINE: Final = 1_024
_MOST_SECTIONS: Final = 300_000
_MOST_TEXT: Final = 512 << 20
MOST_ENTRIES: Final = 5_000_000
"""Of all sections together: as much of a table as of one that is read by itself."""


@dataclass(slots=True)
class Room:
    """What may still be kept. ``short``: something was not."""

    text: int = _MOST_TEXT
    entries: int = MOST_ENTRIES
    short: bool = False

    def take(self, size: int) -> int:
        """So many bytes of text, or what is left."""
        given = min(size, self.text)
        self.short |= given < size
        self.text -= given
        return given


@dataclass(slots=True)
class Section:
    """``at_s``: seconds since the boot of the node when it began. ``file``: its name, as it is shown.

    ``code``: the exit code of what printed it, once all of it was read; None where its end is missing.
    """

    name: str
    at_s: float
    _content: Iterator[bytes]
    file: str
    code: int | None = None
    room: Room = field(default_factory=Room)
    """What all of the sections share."""

    def chunks(self) -> Iterator[bytes]:
        """What was printed, once."""
        return self._content

    def raw(self, most: int) -> bytes:
        """Likewise, the first ``most`` bytes."""
        found = bytearray()
        for chunk in self._content:
            wanted = chunk[: most - len(found)]
            found += wanted[: self.room.take(len(wanted))]
        return bytes(found)

    def text(self, most: int) -> str:
        return self.raw(most).decode("utf-8", "replace")


def begins(source: Source) -> bool:
    """Whether it is a collection. Raises as ``Source.chunks`` does."""
    return source.beginning(len(_FIRST)) == _FIRST


class Collection:
    """``complete``: whether the script came to its end; known once all sections were asked for.

    ``why_cut``: likewise, why it did not, as far as that is told.
    """

    def __init__(self, pieces: Iterator[bytes], name: str) -> None:
        """``name``: how the file is shown. Raises UnreadableInput where it is of no kind that is known."""
        self._pieces = pieces
        self._rest = b""
        self._pending = b""
        head = _HEAD.fullmatch(self._line())
        if head is None:
            raise UnreadableInput(f"{name} is a collection of a kind that this version does not know")
        self._name = name
        self._token = head[1]
        self._mark = b"\n" + head[1] + b" "
        self._another = False
        self.complete = False
        self.why_cut = CUT
        self.room = Room()

    def sections(self) -> Iterator[Section]:
        """Each can be read until the next one is asked for.

        Raises UnreadableInput where another collection follows, or this one again: of which node a table is,
        and at which time, could not be told then.
        """
        _drain(self._until_mark())
        count = 0
        while line := self._pending or self._line():
            self._pending = b""
            begun = _BEGIN.fullmatch(line)
            if begun is not None:
                name = begun[2].decode("utf-8", "replace")
                count += 1
                if count > _MOST_SECTIONS:
                    self.room.short = True
                    return
                section = Section(name, float(begun[1]), iter(()), escaped(name), room=self.room)
                section._content = self._of(section)  # noqa: SLF001  # which it tells its end
                yield section
                _drain(section.chunks())
            stopped = _STOPPED.fullmatch(line)
            if stopped is not None:
                self.why_cut = f"the time of the script was up after {int(stopped[1])} s"
            else:
                self.complete = line == b"complete"
            if not self._pending:
                _drain(self._until_mark())
        # Content may hold such a line, but not what comes behind the end.
        if self._another and not self.complete:
            raise self._several()

    def _of(self, section: Section) -> Iterator[bytes]:
        yield from self._until_mark()
        line = self._line()
        ended = _END.fullmatch(line)
        section.code = int(ended[1]) if ended else None
        # What printed it was killed, and the next section began.
        self._pending = b"" if ended else line

    def _line(self) -> bytes:
        """The rest of the line at hand."""
        while b"\n" not in self._rest[:_LONGEST_LINE] and len(self._rest) < _LONGEST_LINE:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._rest += piece
        line, feed, _ = self._rest[:_LONGEST_LINE].partition(b"\n")
        # The line feed stays: it may belong to the next mark.
        self._rest = self._rest[len(line) :] if feed else self._rest[_LONGEST_LINE:]
        return line

    def _until_mark(self) -> Iterator[bytes]:
        """What comes before the next mark, which is taken away."""
        first = True
        while True:
            at = self._rest.find(self._mark)
            safe = at if at >= 0 else max(len(self._rest) - _HELD, 0)
            self._look_for_another(len(self._rest) if at < 0 else at)
            content, self._rest = self._rest[:safe], self._rest[safe:]
            if first and content:
                content, first = content.removeprefix(b"\n"), False
            if content:
                yield content
            if at >= 0:
                self._rest = self._rest[len(self._mark) :]
                return
            piece = next(self._pieces, None)
            if piece is None:
                rest, self._rest = self._rest, b""
                rest = rest.removeprefix(b"\n") if first else rest
                if rest.strip(b"\n"):
                    yield rest
                return
            self._rest += piece

    def _look_for_another(self, end: int) -> None:
        if self._rest.find(_FIRST, 0, end) < 0:
            return
        for found in _ANOTHER.finditer(self._rest, 0, end):
            if self.complete or found[1] == self._token:
                raise self._several()
            self._another = True

    def _several(self) -> UnreadableInput:
        return UnreadableInput(f"{self._name} holds several collections: keep each in a file of its own")


def _drain(content: Iterator[bytes]) -> None:
    for _ in content:
        pass

"""A stream of bytes as blocks of whole lines, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from halftrack.formats import xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

BLOCK: Final = 8 << 20
MOST_LINES: Final = 300_000
"""Lines of a block, which take memory of their own however short they are."""
LONGEST_LINE: Final = 1 << 16
"""A line beyond this is not kept while its end is looked for; an entry has a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, each with its newline.

    ``lines``: how many lines of the stream they were. ``ended`` is False for the end of a stream
    without a newline. ``overlong`` holds the beginning of a line that was dropped for its length;
    ``text`` is then empty, as it is for nothing but blank lines. ``numbers``: where ``text`` has other lines
    than the stream had, which of these each one is, counted from 0.
    """

    text: bytes
    lines: int
    ended: bool = True
    overlong: bytes = b""
    numbers: npt.NDArray[np.uint32] | None = None

    def line(self, at: int) -> int:
        """Of the stream's lines, counted from 0, that of one of the text."""
        return at if self.numbers is None or at >= len(self.numbers) else int(self.numbers[at])


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Cut a stream at line ends; flow elements of XML come as one line each."""
    rest = b""
    dropping = False
    for text in _gathered(chunks):
        if dropping:
            end = text.find(b"\n") + 1
            if not end:
                continue
            rest, dropping = text[end:], False
        else:
            rest = rest + text if rest else text
        cut = _cut_at(rest)
        if cut:
            yield from _blocks_of(rest[:cut])
            rest = rest[cut:]
        if len(rest) > LONGEST_LINE and b"\n" not in rest:
            yield Block(b"", 1, overlong=rest[:200])
            rest, dropping = b"", True
    if rest:
        yield from _blocks_of(rest, ended=rest.endswith(b"\n"))


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Chunks of about a block each: every block has a cost of its own, and takes memory while it is cut."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        for at in range(0, len(chunk), BLOCK):
            part = chunk[at : at + BLOCK]
            waiting.append(part)
            size += len(part)
            if size >= BLOCK:
                yield b"".join(waiting) if len(waiting) > 1 else part
                waiting, size = [], 0
    yield b"".join(waiting)


def _cut_at(text: bytes) -> int:
    """Where the last whole line ends, or the last whole flow where the text is XML."""
    cut = text.rfind(b"\n") + 1
    # A single character is found much faster than the element.
    start = text.rfind(xml.OPEN) if b"<" in text else -1
    if start < 0:
        return cut
    end = text.find(xml.CLOSE, start)
    if end >= 0:
        return max(cut, end + len(xml.CLOSE))
    # A flow that goes on in the next chunk; what never ends is an overlong line.
    return min(cut, start) if len(text) - start <= LONGEST_LINE else cut


def _blocks_of(text: bytes, *, ended: bool = True) -> Iterator[Block]:
    lines = int(np.count_nonzero(np.frombuffer(text, dtype=np.uint8) == ord("\n")))
    half = text.find(b"\n", len(text) // 2) + 1
    if lines > MOST_LINES and 0 < half < len(text):
        yield from _blocks_of(text[:half])
        yield from _blocks_of(text[half:], ended=ended)
        return
    if text.isspace():
        yield Block(b"", lines)
        return
    numbers = None
    if b"<" in text:
        text, respelled = xml.respell(text)
        numbers = None if respelled is None else np.array(respelled, np.uint32)
    yield Block(text if text.endswith(b"\n") else text + b"\n", lines, ended, numbers=numbers)

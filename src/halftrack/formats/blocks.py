"""A stream of bytes as blocks of whole lines, in bounded memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.formats import save, xml

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

BLOCK: Final = 8 << 20
LONGEST_LINE: Final = 1 << 16
"""A line beyond this is not kept while its end is looked for; an entry has a few hundred bytes."""


@dataclass(frozen=True, slots=True)
class Block:
    """Whole lines, each with its newline. ``first``: number of the first one, from 1.

    ``ended`` is False for the end of a stream without a newline. ``overlong`` holds the beginning
    of a line that was dropped for its length; ``text`` is then empty.
    """

    text: bytes
    first: int
    ended: bool = True
    overlong: bytes = b""


def blocks(chunks: Iterable[bytes]) -> Iterator[Block]:
    """Cut a stream at line ends. Flow elements of XML come as one line each, save lines respelled."""
    rest = b""
    line = 1
    dropping = False
    for chunk in _gathered(chunks):
        text = rest + chunk
        if dropping:
            end = text.find(b"\n") + 1
            if not end:
                continue
            text, dropping = text[end:], False
            line += 1
        cut = _cut_at(text)
        rest = text[cut:]
        if cut:
            yield Block(_respelled(text[:cut]), line)
            line += text.count(b"\n", 0, cut)
        if len(rest) > LONGEST_LINE and b"\n" not in rest:
            yield Block(b"", line, overlong=rest[:200])
            rest, dropping = b"", True
    if rest:
        yield Block(_respelled(rest + b"\n"), line, ended=rest.endswith(b"\n"))


def _gathered(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Small chunks together: each block has a cost of its own."""
    waiting: list[bytes] = []
    size = 0
    for chunk in chunks:
        waiting.append(chunk)
        size += len(chunk)
        if size >= BLOCK:
            yield b"".join(waiting)
            waiting, size = [], 0
    yield b"".join(waiting)


def _cut_at(text: bytes) -> int:
    """Where the last whole line ends, or the last whole flow where the text is XML."""
    cut = text.rfind(b"\n") + 1
    start = text.rfind(xml.OPEN)
    if start < 0:
        return cut
    end = text.find(xml.CLOSE, start)
    if end >= 0:
        return max(cut, end + len(xml.CLOSE))
    # A flow that goes on in the next chunk; what never ends is an overlong line.
    return min(cut, start) if len(text) - start <= LONGEST_LINE else cut


def _respelled(text: bytes) -> bytes:
    text = save.respell(xml.respell(text))
    return text if text.endswith(b"\n") else text + b"\n"

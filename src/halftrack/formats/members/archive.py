"""tar from its beginning to its end: ustar, GNU's long names, pax, sparse files of either (tar(5)).

Python's own reader takes the text of an extension header whole into memory, however long it says that
it is; what is mailed in may say anything.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.formats.members.walk import Member, Walk, joined, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

_BLOCK: Final = 512
_MOST_EXTENSION: Final = 64 << 10
_SPARSE: Final = b"S"
"""A file with holes: only what is between them is there, and how large they are does not matter to a text."""
_REGULAR: Final = (b"0", b"7", bytes(1), _SPARSE)
_WITHOUT_CONTENT: Final = b"123456"
"""Links, devices, directories and pipes."""
_LONG_NAME, _PAX = b"L", b"x"
_EXTENSIONS: Final = (_LONG_NAME, _PAX, b"K", b"g")
"""Of a link's target and of all members there is nothing to know."""
_MORE_HOLES: Final = 482
_MORE_IN_EXTENSION: Final = 504
"""Where a sparse file's header, and each block of holes after it, says that one more such block follows."""
_OCTAL: Final = re.compile(rb"[ ]*([0-7]{1,12})[ \0]*")
_PAX_PATH: Final = re.compile(rb"(?:^|\n)\d{1,5} path=([^\n]*)")
_PAX_SIZE: Final = re.compile(rb"(?:^|\n)\d{1,5} size=(\d{1,15})\n")
_PAX_SPARSE_PATH: Final = re.compile(rb"(?:^|\n)\d{1,5} GNU\.sparse\.name=([^\n]*)")
"""What a sparse file is called; its path is one that whoever does not know such files may unpack it to."""
_PAX_SPARSE: Final = re.compile(rb"(?:^|\n)\d{1,5} GNU\.sparse\.major=([^\n]*)")
_MAP_IN_CONTENT: Final = b"1"
"""This kind of sparse file begins with where its data belong; older ones tell that in the extension."""
_MAP: Final = b"0123456789\n\0"
_MOST_DIGITS: Final = 12


def begins(first: bytes) -> bool:
    """Whether these may be the first bytes of an archive."""
    return len(first) >= _BLOCK and _sound(first[:_BLOCK])


def members(pieces: Iterator[bytes], walk: Walk, inside: str = "") -> Iterator[Member]:
    """Its plain files, in their order; each can be read until the next one is asked for.

    ``inside``: path of the archive in another one. What is no archive any more ends it, with a note in
    ``walk``.
    """
    stream = _Stream(walk.counted(pieces))
    told = _Told()
    for header in _headers(stream, walk):
        kind, size = header[156:157], _number(header[124:136])
        if kind in _EXTENSIONS:
            told.read(kind, stream, size)
            continue
        size = 0 if kind in _WITHOUT_CONTENT else size if told.size is None else told.size
        if kind == _SPARSE and header[_MORE_HOLES]:
            stream.skip_while(_MORE_IN_EXTENSION)
        content = _Content(stream, size)
        name = shown(told.path or _name(header))
        path = joined(inside, name or "A file")
        wanted = kind in _REGULAR and name and size
        known = told.sparse is None or (told.sparse == _MAP_IN_CONTENT and content.past_map())
        if wanted and known:
            yield Member(path, content.pieces())
        content.skip()
        if content.short:
            walk.cut(path, "ends before it should: the archive is cut short")
            return
        if not known:
            walk.leave_out(f"{path} is a sparse file of a kind that is not known: it was not read.")
        stream.skip(_padded(size) - size)
        told = _Told()


def _headers(stream: _Stream, walk: Walk) -> Iterator[bytes]:
    """Of one member after the other, for as long as the stream is where one begins."""
    while header := stream.take(_BLOCK):
        if not header.strip(b"\0"):
            return
        if len(header) < _BLOCK or not _sound(header):
            if not walk.ended():
                walk.leave_out("The archive is damaged: what came before that was read.")
            return
        if not walk.another():
            return
        yield header
    walk.ended()  # which notes where it was the time that ended it: an archive says where it ends


class _Told:
    """What extensions say of the member that follows them.

    ``size``: in place of its header's. ``sparse``: which kind of sparse file it is, if that is told.
    """

    def __init__(self) -> None:
        self.path = b""
        self.size: int | None = None
        self.sparse: bytes | None = None

    def read(self, kind: bytes, stream: _Stream, size: int) -> None:
        text = stream.take(min(size, _MOST_EXTENSION))
        stream.skip(_padded(size) - len(text))
        if kind == _LONG_NAME:
            self.path = text.rstrip(b"\0")
        elif kind == _PAX:
            path = _PAX_SPARSE_PATH.search(text) or _PAX_PATH.search(text)
            told, sparse = _PAX_SIZE.search(text), _PAX_SPARSE.search(text)
            self.path = path[1] if path else self.path
            self.size = int(told[1]) if told else self.size
            self.sparse = sparse[1] if sparse else self.sparse


def _sound(header: bytes) -> bool:
    """Whether the header's checksum is right: that of all bytes, its own taken as blanks."""
    told = _OCTAL.fullmatch(header[148:156])
    return told is not None and int(told[1], 8) == sum(header[:148]) + sum(header[156:]) + 8 * ord(" ")


def _number(field: bytes) -> int:
    """Octal digits, or base 256 where that does not do."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    told = _OCTAL.fullmatch(field)
    return int(told[1], 8) if told else 0


def _name(header: bytes) -> bytes:
    name = header[:100].partition(b"\0")[0]
    prefix = header[345:500].partition(b"\0")[0] if header[257:263] == b"ustar\0" else b""
    return prefix + b"/" + name if prefix else name


def _padded(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


class _Stream:
    """Pieces as bytes that are taken one after the other."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._at = 0

    def some(self, most: int) -> bytes:
        """At least one byte; none at the end."""
        while self._at >= len(self._rest):
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._rest, self._at = piece, 0
        found = self._rest[self._at : self._at + most]
        self._at += len(found)
        return found

    def take(self, size: int) -> bytes:
        found = bytearray()
        while len(found) < size and (piece := self.some(size - len(found))):
            found += piece
        return bytes(found)

    def skip(self, size: int) -> None:
        while size > 0 and (piece := self.some(size)):
            size -= len(piece)

    def skip_while(self, at: int) -> None:
        """Blocks, the last of which has a zero at ``at``."""
        while len(block := self.take(_BLOCK)) == _BLOCK and block[at]:
            pass


class _Content:
    """So many of the next bytes. ``short``: they were not all there."""

    def __init__(self, stream: _Stream, size: int) -> None:
        self._stream = stream
        self._left = size

    @property
    def short(self) -> bool:
        return self._left > 0

    def past_map(self) -> bool:
        """Pass over how many data there are, and where each begins and how long it is: a number a line.

        Zeros fill the last block of it. Whether that is what stood there.
        """
        block = self._block()
        many, feed, _ = block.partition(b"\n")
        if not feed or not many.isdigit() or len(many) > _MOST_DIGITS:
            return False
        lines = 1 + 2 * int(many)
        while len(block) == _BLOCK and not block.translate(None, _MAP):
            lines -= block.count(b"\n")
            if lines <= 0:
                return True
            block = self._block()
        return False

    def _block(self) -> bytes:
        found = self._stream.take(min(_BLOCK, self._left))
        self._left -= len(found)
        return found

    def pieces(self) -> Iterator[bytes]:
        while self._left > 0 and (piece := self._stream.some(self._left)):
            self._left -= len(piece)
            yield piece

    def skip(self) -> None:
        for _ in self.pieces():
            pass

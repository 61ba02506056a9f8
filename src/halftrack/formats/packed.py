"""Unpacking gzip, xz, bzip2 and zstd piece by piece: no more than some megabytes come out at a time."""

from __future__ import annotations

import bz2
import lzma
import re
import zlib
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OUT: Final = 4 << 20
_MOST_MEMORY: Final = 256 << 20
"""Memory that a packed file may ask for; xz -9 asks for 65 MiB."""
_ZSTD_STEP: Final = 1 << 10
"""Packed bytes given to zstd at a time, which limits only its input: 16 MiB come out of these at most."""
_FIRST_STEP: Final = 1 << 9
"""Packed bytes given to a new member, then twice as many each time: what follows one that ends is copied,
and a member may have twenty bytes."""
_TINY: Final = 1 << 10
_MOST_TINY: Final = 100_000
"""Members that unpack to less than that: each costs as if it were large."""
_NO_ZERO: Final = re.compile(rb"[^\0]")


class Damaged(ValueError):
    """Packed data that makes no sense from here on."""


class Short(ValueError):
    """Packed data that ends too early."""


class _Member(Protocol):
    """One packed stream. ``rest`` is None until it ends, then what follows it."""

    rest: bytes | None

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class _Gzip:
    def __init__(self) -> None:
        self.rest: bytes | None = None
        self._unpack = zlib.decompressobj(wbits=31)

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data and self.rest is None:
            yield self._unpack.decompress(data, _OUT)
            data = self._unpack.unconsumed_tail
            if not data and not self._unpack.eof:
                # What the limit held back without leaving input over.
                yield self._unpack.decompress(b"", _OUT)
            if self._unpack.eof:
                self.rest = self._unpack.unused_data


class _Limited:
    """xz and bzip2, which keep what a limit on their output left over."""

    def __init__(self, unpack: lzma.LZMADecompressor | bz2.BZ2Decompressor) -> None:
        self.rest: bytes | None = None
        self._unpack = unpack

    def feed(self, data: bytes) -> Iterator[bytes]:
        yield self._unpack.decompress(data, _OUT)
        while not self._unpack.eof and not self._unpack.needs_input:
            yield self._unpack.decompress(b"", _OUT)
        if self._unpack.eof:
            self.rest = self._unpack.unused_data


class _Zstd:
    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415  # of all inputs few are zstd

        self.rest: bytes | None = None
        self._unpack = zstandard.ZstdDecompressor(max_window_size=_MOST_MEMORY).decompressobj()

    def feed(self, data: bytes) -> Iterator[bytes]:
        import zstandard  # noqa: PLC0415  # as above

        for at in range(0, len(data), _ZSTD_STEP):
            try:
                yield self._unpack.decompress(data[at : at + _ZSTD_STEP])
            except zstandard.ZstdError as error:
                raise Damaged(str(error)) from error
            if self._unpack.eof:
                self.rest = self._unpack.unused_data + data[at + _ZSTD_STEP :]
                return


_MAGIC: Final[tuple[tuple[bytes, Callable[[], _Member]], ...]] = (
    (b"\x1f\x8b", _Gzip),
    (b"\xfd7zXZ\x00", lambda: _Limited(lzma.LZMADecompressor(memlimit=_MOST_MEMORY))),
    (b"BZh", lambda: _Limited(bz2.BZ2Decompressor())),
    (b"\x28\xb5\x2f\xfd", _Zstd),
)
MAGIC_LENGTH: Final = max(len(magic) for magic, _ in _MAGIC)


def is_packed(beginning: bytes) -> bool:
    return any(beginning.startswith(magic) for magic, _ in _MAGIC)


def unpacked(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """What is in a packed stream, all its members. Raises Damaged or Short after what could be had."""
    stream: _Members | None = None
    for piece in pieces:
        if stream is None:
            stream = _Members(next(make for magic, make in _MAGIC if piece.startswith(magic)))
        try:
            yield from stream.take(piece)
        except (zlib.error, lzma.LZMAError, OSError, EOFError, MemoryError) as error:
            raise Damaged(str(error)) from error
    if stream is not None and not stream.ended:
        raise Short


class _Members:
    """Packed streams of one kind, one after the other."""

    def __init__(self, make: Callable[[], _Member]) -> None:
        self._make = make
        self._member: _Member | None = None
        self._step = 0
        self._given = 0
        self._tiny = 0

    @property
    def ended(self) -> bool:
        return self._member is None

    def take(self, piece: bytes) -> Iterator[bytes]:
        at = 0
        while at < len(piece):
            if self._member is None:
                # Zeros after a member are padding.
                at = _past_zeros(piece, at)
                if at == len(piece):
                    return
                self._member, self._step, self._given = self._make(), _FIRST_STEP, 0
            data = piece[at : at + self._step]
            for part in filter(None, self._member.feed(data)):
                self._given += len(part)
                yield part
            at += len(data) - len(self._member.rest or b"")
            self._step *= 2
            if self._member.rest is not None:
                self._end()

    def _end(self) -> None:
        self._member = None
        self._tiny += self._given < _TINY
        if self._tiny > _MOST_TINY:
            raise Damaged(f"more than {_MOST_TINY:,} streams in it hold next to nothing")


def _past_zeros(piece: bytes, at: int) -> int:
    """Where the next byte is that is none."""
    if piece[at]:
        return at
    found = _NO_ZERO.search(piece, at)
    return found.start() if found else len(piece)

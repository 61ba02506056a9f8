"""Unpacking gzip, xz, bzip2 and zstd piece by piece: no more than some megabytes come out at a time."""

from __future__ import annotations

import bz2
import lzma
import zlib
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_OUT: Final = 4 << 20
_MOST_MEMORY: Final = 256 << 20
"""Memory that a packed file may ask for; xz -9 asks for 65 MiB."""
_ZSTD_STEP: Final = 1 << 10
"""Packed bytes given to zstd at a time, which limits only its input: 16 MiB come out of these at most."""


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
        import zstandard  # noqa: PLC0415

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
    make: Callable[[], _Member] | None = None
    member: _Member | None = None
    for piece in pieces:
        data = piece
        if make is None:
            make = next(make for magic, make in _MAGIC if data.startswith(magic))
        while data:
            if member is None:
                # Zeros after a member are padding.
                data = data.lstrip(b"\0")
                if not data:
                    break
                member = make()
            try:
                yield from filter(None, member.feed(data))
            except (zlib.error, lzma.LZMAError, OSError, EOFError, MemoryError) as error:
                raise Damaged(str(error)) from error
            data = member.rest or b""
            if member.rest is not None:
                member = None
    if member is not None:
        raise Short

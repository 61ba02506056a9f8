"""Files and standard input as chunks of plain bytes.

What comes out of a packed file is bounded: one that unpacks to more than ``MOST_BYTES`` is read
up to there and called truncated.
"""

from __future__ import annotations

import codecs
import contextlib
import io
import os
import select
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from halftrack.errors import UnreadableInput
from halftrack.formats.blocks import BLOCK
from halftrack.formats.packed import MAGIC_LENGTH, Damaged, Short, is_packed, unpacked
from halftrack.formats.pieces import peeked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MOST_BYTES: Final = 8 << 30
_CHUNK: Final = BLOCK
_MOST_LAYERS: Final = 2
_WIDE: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


@dataclass(slots=True)
class Source:
    """One input. ``name`` is how it is shown; ``truncated`` and ``notes`` are known once it is read.

    ``deadline``: a ``time.monotonic`` moment after which no more is read; ``late``: it was not read whole by
    then.
    """

    name: str
    open: Callable[[], AbstractContextManager[BinaryIO]]
    most_bytes: int = MOST_BYTES
    deadline: float | None = None
    truncated: bool = False
    late: bool = False
    notes: list[str] = field(default_factory=list)
    _begun: Iterator[bytes] | None = None

    def beginning(self, length: int) -> bytes:
        """The first bytes, which ``chunks`` still gives. Raises as it does."""
        first, self._begun = peeked(self.chunks(), length)
        return first[:length]

    def chunks(self) -> Iterator[bytes]:
        """Plain bytes. Raises UnreadableInput where the file cannot be opened, read or unpacked at all."""
        begun, self._begun = self._begun, None
        return self._chunks() if begun is None else begun

    def whole(self, most_bytes: int) -> bytes:
        """All of it. Raises UnreadableInput where that is more, or its end is missing; and as ``chunks``."""
        self.most_bytes = min(self.most_bytes, most_bytes)
        content = b"".join(self.chunks())
        if self.truncated:
            raise UnreadableInput(self.notes[0].removesuffix(".").removesuffix(": the rest was not read"))
        return content

    def _chunks(self) -> Iterator[bytes]:
        stream = self._raw()
        given = 0
        try:
            for _ in range(_MOST_LAYERS):
                first, stream = peeked(stream, MAGIC_LENGTH)
                if not is_packed(first):
                    break
                stream = unpacked(stream)
            for chunk in _narrow(stream):
                if given + len(chunk) > self.most_bytes:
                    yield chunk[: self.most_bytes - given]
                    self._cut(
                        f"{self.name} holds more than {self.most_bytes:,} bytes: the rest was not read."
                    )
                    return
                given += len(chunk)
                yield chunk
                if self._is_late():
                    return
        except Short:
            self._cut(f"{self.name} ends in the middle of its packed data.")
        except Damaged as error:
            if not given:
                raise UnreadableInput(f"{self.name} cannot be unpacked: {error}") from error
            self._cut(f"{self.name} is damaged: what could be unpacked was read.")

    def _is_late(self) -> bool:
        """Whether the time is up, which is noted."""
        if self.deadline is None or time.monotonic() <= self.deadline:
            return False
        self.late = True
        self._cut(f"The time was up before {self.name} was read whole.")
        return True

    def _cut(self, note: str) -> None:
        if not self.truncated:
            self.notes.append(note)
        self.truncated = True

    def _raw(self) -> Iterator[bytes]:
        try:
            with self.open() as file:
                while chunk := _some(file, self.deadline):
                    yield chunk
                self._is_late()
        except IsADirectoryError as error:
            raise UnreadableInput(f"{self.name} is a directory: name the files in it") from error
        except OSError as error:
            raise UnreadableInput(f"{self.name} cannot be read: {error.strerror or error}") from error
        except ValueError as error:
            raise UnreadableInput(f"{self.name!r} cannot be the name of a file") from error


def _some(file: BinaryIO, deadline: float | None) -> bytes:
    """The next bytes of a file or pipe; empty at its end, and where none come before the deadline.

    Waited for with select: polars takes SIGINT over with SA_RESTART, and a read that waits for a
    pipe would not notice Ctrl-C.
    """
    with contextlib.suppress(io.UnsupportedOperation):
        wait_s = None if deadline is None else max(deadline - time.monotonic(), 0)
        if not select.select([file], [], [], wait_s)[0]:
            return b""
    return file.read1(_CHUNK) if isinstance(file, io.BufferedReader) else file.read(_CHUNK)


def source(
    name: str,
    stdin: BinaryIO | None = None,
    *,
    most_bytes: int = MOST_BYTES,
    deadline: float | None = None,
) -> Source:
    """A file by its path, or standard input as ``-``."""
    if name == "-":
        if stdin is None:
            raise UnreadableInput("there is no standard input to read")
        return Source("stdin", lambda: nullcontext(stdin), most_bytes, deadline)
    return Source(name, lambda: _opened(name), most_bytes, deadline)


def _opened(name: str) -> BinaryIO:
    """Without waiting for whoever is to write into a named pipe: ``_some`` waits, for as long as it may."""
    file = open(name, "rb", opener=_at_once)  # noqa: SIM115  # Path's has no opener; handed on
    os.set_blocking(file.fileno(), True)
    return file


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


def _narrow(stream: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-16, which some shells redirect in, as UTF-8; everything else as it is."""
    first, stream = peeked(stream, 2)
    encoding = _WIDE.get(first[:2])
    if encoding is None:
        yield from stream
        return
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    for chunk in stream:
        yield decoder.decode(chunk).encode("utf-8", "replace")
    yield decoder.decode(b"", final=True).encode("utf-8", "replace")

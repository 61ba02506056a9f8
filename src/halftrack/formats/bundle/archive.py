"""The members of a bundle: written as they come, read whole within the memory that there is."""

from __future__ import annotations

import contextlib
import io
import tarfile
from typing import TYPE_CHECKING, Final

from halftrack.formats import memory
from halftrack.formats.members import Walk, archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

_MOST_MEMBERS: Final = 5_000
_FAST: Final = 1
_TWICE: Final = 2
_NAME: Final = 100
"""Bytes of a name in the header of a member, zeros behind it."""
_BEHIND: Final = 1 << 20
"""So far behind its end another archive is looked for: there are zeros up to a full record between them."""


class Broken(ValueError):
    """No archive, or none of ours."""


class Cut(Exception):
    """The rest is not there; what came before it was whole."""


@contextlib.contextmanager
def writing(file: BinaryIO) -> Iterator[Callable[[str, Iterable[bytes]], None]]:
    """Yield what adds a member. Raises OSError."""
    with tarfile.open(fileobj=file, mode="w:gz", compresslevel=_FAST, format=tarfile.USTAR_FORMAT) as tar:

        def add(name: str, pieces: Iterable[bytes]) -> None:
            content = b"".join(pieces)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            member.mode = 0o600
            tar.addfile(member, io.BytesIO(content))

        yield add


class Watched:
    """Pieces of an archive; whether a second one is behind it, whose first member has the same name."""

    def __init__(self, pieces: Iterator[bytes], first: str) -> None:
        self._pieces = pieces
        self._name = first.encode().ljust(_NAME, b"\0")
        self._times = 0
        self._last = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        # No occurrence is counted twice: what is kept of the last piece is shorter than one.
        seen = self._last + piece
        self._times += seen.count(self._name)
        self._last = seen[-(_NAME - 1) :]
        return piece

    def again(self) -> bool:
        """Once the first one was read."""
        behind = 0
        while self._times < _TWICE and behind < _BEHIND and (piece := next(self, None)) is not None:
            behind += len(piece)
        return self._times >= _TWICE


def members(pieces: Iterator[bytes]) -> Iterator[tuple[str, bytes]]:
    """Name and content of each plain member that is whole. Raises Broken; Cut where the rest is missing."""
    walk = Walk(bytes_left=memory.share())
    held: tuple[str, bytes] | None = None
    for number, member in enumerate(archive.members(pieces, walk)):
        if number >= _MOST_MEMBERS:
            raise Broken(f"it has more than {_MOST_MEMBERS:,} members")
        # Whether the last one was whole is known when the next one comes.
        if held is not None:
            yield held
            held = None
        content = b"".join(member.pieces)
        if not walk.truncated:
            held = member.path, content
    if walk.truncated and walk.bytes_left == 0:
        raise Broken("it holds more than the memory of this machine allows")
    if held is not None and held[0] not in walk.damaged:
        yield held
    if walk.truncated:
        raise Cut(walk.notes[0].rstrip("."))

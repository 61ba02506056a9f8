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

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
    """Name and content of each plain member. Raises Broken."""
    walk = Walk(bytes_left=memory.share())
    for number, member in enumerate(archive.members(pieces, walk)):
        if number >= _MOST_MEMBERS:
            raise Broken(f"it has more than {_MOST_MEMBERS:,} members")
        content = b"".join(member.pieces)
        if not walk.truncated:
            yield member.path, content
    if walk.truncated:
        more = "it holds more than the memory of this machine allows"
        raise Broken(more if walk.bytes_left == 0 else walk.notes[0].rstrip("."))

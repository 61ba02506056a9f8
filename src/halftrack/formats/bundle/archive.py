"""Members of a tar archive, in memory: written as they come, read one after the other within bounds.

Nothing is ever unpacked to disk, so names of members lead nowhere.
"""

from __future__ import annotations

import contextlib
import io
import tarfile
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

_MOST_MEMBERS: Final = 5_000
_MOST_BYTES: Final = 4 << 30
"""Of one member: some ten million entries."""
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
    number = 0
    try:
        with tarfile.open(fileobj=_Stream(pieces), mode="r|") as tar:
            for member in tar:
                number += 1
                if number > _MOST_MEMBERS:
                    raise Broken(f"it has more than {_MOST_MEMBERS:,} members")
                if not member.isreg():
                    continue
                if member.size > _MOST_BYTES:
                    raise Broken(f"a member of {member.size:,} bytes is more than any table takes")
                content = tar.extractfile(member)
                body = content.read() if content else b""
                if len(body) < member.size:
                    raise Broken("it ends in the middle of a member")
                yield member.name, body
    except (tarfile.TarError, EOFError, OverflowError) as error:
        raise Broken(f"it is no whole archive ({error})") from error


class _Stream(io.RawIOBase):
    """Pieces as a file that is read from its beginning to its end."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found = [self._rest]
        have = len(self._rest)
        while have < size and (piece := next(self._pieces, None)) is not None:
            found.append(piece)
            have += len(piece)
        data = b"".join(found)
        self._rest = data[size:]
        return data[:size]

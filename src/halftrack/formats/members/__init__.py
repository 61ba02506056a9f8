"""Files that come many at a time: of tar archives, archives in archives, and directories.

walk      bounds of one walk, and what it had to leave out
archive   tar, read from its beginning to its end
tree      a directory

Nothing is written to disk and no link is followed, so names lead nowhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.formats.members.walk import Member, Walk
from halftrack.formats.packed import Damaged, Short, is_packed, unpacked
from halftrack.formats.pieces import peeked

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.formats.sources import Source

__all__ = ["Member", "Walk", "is_archive", "of_archive", "of_directory"]

_BLOCK: Final = 512
_MOST_LAYERS: Final = 2
_MOST_DEPTH: Final = 3
"""Archives in archives: a collection of reports, a report, what somebody packed into it."""


def is_archive(source: Source) -> bool:
    """Whether it is a tar archive. Raises as ``Source.chunks`` does."""
    from halftrack.formats.members import archive  # noqa: PLC0415  # beside what brings numpy

    return archive.begins(source.beginning(_BLOCK))


def of_archive(pieces: Iterator[bytes], walk: Walk) -> Iterator[Member]:
    """Plain files of an archive that is unpacked already. Each can be read until the next is asked for."""
    from halftrack.formats.members import archive  # noqa: PLC0415  # as above

    for member in archive.members(pieces, walk):
        yield from _opened(member, walk, 1)


def of_directory(path: str, walk: Walk) -> Iterator[Member]:
    """Likewise, of a directory and all below it. What cannot be read is a note.

    Raises UnreadableInput for the root of a running system.
    """
    from halftrack.formats.members import tree  # noqa: PLC0415  # as above

    for member in tree.members(path, walk):
        yield from _opened(member, walk, 0)


def _opened(member: Member, walk: Walk, depth: int) -> Iterator[Member]:
    """A member as it is, or unpacked, or the members of the archive that it is."""
    from halftrack.formats.members import archive  # noqa: PLC0415  # as above

    first, pieces = peeked(member.pieces, _BLOCK)
    for _ in range(_MOST_LAYERS):
        if not is_packed(first):
            break
        first, pieces = peeked(_unpacked(pieces, member.path, walk), _BLOCK)
    if not archive.begins(first):
        yield Member(member.path, pieces)
    elif depth >= _MOST_DEPTH:
        walk.leave_out(f"{member.path} is an archive in too many others: it was not opened.")
    else:
        for inner in archive.members(pieces, walk, member.path):
            yield from _opened(inner, walk, depth + 1)


def _unpacked(pieces: Iterator[bytes], path: str, walk: Walk) -> Iterator[bytes]:
    try:
        yield from walk.counted(unpacked(pieces), path)
    except Short:
        walk.cut(path, "ends in the middle of its packed data")
    except Damaged:
        walk.cut(path, "is damaged: what could be unpacked was read")

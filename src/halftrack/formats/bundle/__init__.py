"""The bundle: all evidence of one node in one file that can be mailed, and back.

A tar archive, packed with gzip. Its first member, ``halftrack-bundle.json``, holds the values as JSON;
each frame is a member of its own, which the values name by number.

values    dataclasses as JSON's values, and back by the types of their fields
frames    columns as bytes, and back
archive   its members: how many and how large they may be
short     what is missing of one whose end did not arrive
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final

from halftrack.errors import UnreadableInput
from halftrack.evidence.values import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    import polars as pl

    from halftrack.formats.sources import Source

FIRST: Final = "halftrack-bundle.json"
"""Name of the first member, by which a bundle is known."""


def write(evidence: Evidence, made_by: str, file: BinaryIO) -> None:
    """``made_by``: the program and its version, for whoever looks inside. Raises OSError."""
    import msgspec  # noqa: PLC0415  # with all below heavy, and the kernel is asked first

    from halftrack.formats.bundle import archive, frames, values  # noqa: PLC0415  # likewise

    put_aside: list[pl.DataFrame] = []
    document = values.Document(made_by=made_by, evidence=values.plain(evidence, put_aside))
    with archive.writing(file) as add:
        add(FIRST, [msgspec.json.encode(document)])
        for number, frame in enumerate(put_aside):
            add(_frame(number), frames.pieces(frame))


def begins(source: Source) -> bool:
    """Whether it is one. Raises as ``Source.chunks`` does."""
    return source.beginning(len(FIRST)) == FIRST.encode()


def read(pieces: Iterator[bytes], name: str) -> Evidence:
    """``pieces``: of the archive, unpacked; ``name``: how the file is shown.

    Of one whose end did not arrive, what did: the rest are gaps. Raises UnreadableInput where it is no
    bundle, does not hold together, or another one is behind it.
    """
    import msgspec  # noqa: PLC0415  # as above

    from halftrack.formats import memory  # noqa: PLC0415  # likewise
    from halftrack.formats.bundle import archive, frames, short, values  # noqa: PLC0415  # likewise

    found: dict[str, pl.DataFrame] = {}
    watched = archive.Watched(pieces, FIRST)
    members = archive.members(watched)
    try:
        _, body = next(members, ("", b""))
        left = memory.share()
        with contextlib.suppress(archive.Cut):
            for member, content in members:
                found[member] = frames.frame(content, left)
                left -= int(found[member].estimated_size())
        document = msgspec.json.decode(body, type=values.Document)
        told = values.made(Evidence, document.evidence, lambda number: found.get(_frame(number)))
    except archive.Cut as error:
        raise UnreadableInput(f"{name} was cut before its first part ended: it tells nothing") from error
    except (
        archive.Broken,
        frames.Broken,
        values.Broken,
        msgspec.DecodeError,
        UnicodeError,
        RecursionError,
    ) as error:
        raise UnreadableInput(f"{name} is a bundle that does not hold together: {error}") from error
    if watched.again():
        raise UnreadableInput(f"{name} holds several bundles: keep each in a file of its own")
    return short.told(told, document.evidence)


def _frame(number: int) -> str:
    return f"frames/{number}"

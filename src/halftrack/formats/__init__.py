"""Text tables of every age into Evidence, and back.

named                 files as somebody named them; directories of them
sources ─ packed      files and streams, unpacked, as chunks of bytes
blocks                chunks as blocks of whole lines; XML respelled as words
scan ─ digits         a block as numbers, skeletons of its lines
     └ captures       and values that are no numbers
grammar ─ plain, xml, save
                      a skeleton's meaning: which number is which column
operations ─ columns ─ frames
                      a layout of lines at a time
cut                   a block as a frame and what else its lines say
table                 the blocks together; masks: what masked addresses allow to conclude
reading               tables, settings and assumptions as Evidence
classic               entries as lines again
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import BinaryIO

    from halftrack.evidence.values import Evidence
    from halftrack.formats.sent import Reported


def read(
    sources: Sequence[str],
    *,
    assume: Mapping[str, str] | None = None,
    stdin: BinaryIO | None = None,
    budget_s: float | None = None,
    collected: Callable[[Iterator[bytes], str], Evidence] | None = None,
    reported: Reported | None = None,
) -> Evidence:
    """Files by their paths (``-``: ``stdin``), and what is in directories, as the evidence of one node.

    ``assume``: what the files do not say, by the keys of ``--assume``. ``budget_s``: what is not read
    in that time is missing, and said to be. ``collected``: reads what the collecting script printed, given
    that and its name; it takes more than this room to understand. ``reported``: likewise the files of a
    support report. Raises UnreadableInput where a file that
    was named, or every file of a directory, holds nothing that can be read, UsageError for an assumption
    that is none.
    """
    from halftrack.formats.reading import evidence_of  # noqa: PLC0415  # brings numpy and Polars

    return evidence_of(
        sources, assume=assume or {}, stdin=stdin, budget_s=budget_s, collected=collected, reported=reported
    )


def is_bundle(name: str) -> bool:
    """Whether ``collect`` wrote it, or its script. Raises UnreadableInput where it cannot be read."""
    from halftrack.formats import bundle, collection  # noqa: PLC0415  # beside what brings numpy
    from halftrack.formats.sources import source  # noqa: PLC0415  # likewise

    opened = source(name, None)
    return bundle.begins(opened) or collection.begins(opened)

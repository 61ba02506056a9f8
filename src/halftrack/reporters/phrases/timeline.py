"""When the entries of a finding were last heard or made: how many in which span, and when these end."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters import figures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.diagnosis.document import Diagnosis, Timeline

VERB: Final = {"timeout": "last heard", "timestamp": "made"}


def gathered(shown: Timeline, most: int) -> tuple[Sequence[int], int]:
    """At most so many buckets, counted from the last one, and the seconds that each spans."""
    together = max(1, -(-len(shown.entries) // most))
    padding = -len(shown.entries) % together
    entries = (0,) * padding + shown.entries
    heights = [sum(entries[start : start + together]) for start in range(0, len(entries), together)]
    return heights, shown.bucket_s * together


def ends(shown: Timeline, length_s: int, diagnosis: Diagnosis) -> tuple[str, str]:
    """When so many seconds of it begin and end, in words; to the second where both are in one minute."""
    if shown.start is None:
        return f"{words.duration(length_s)} ago", "the dump"
    end = shown.start + timedelta(seconds=shown.bucket_s * len(shown.entries))
    begin = end - timedelta(seconds=length_s)
    told = [figures.moment(each, diagnosis.taken_at) for each in (begin, end)]
    if told[0] == told[1] and ":" in told[0]:  # far from now a moment is told by its day alone
        return f"{told[0]}:{begin.second:02}", f"{told[1]}:{end.second:02}"
    return told[0], told[1]

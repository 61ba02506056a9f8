"""When the entries of a finding were last heard or made: one line of marks, or a chart."""

from __future__ import annotations

from datetime import timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters import figures
from halftrack.reporters.phrases.timeline import VERB, ends, gathered

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Diagnosis, Finding, Timeline
    from halftrack.reporters.layout import Page

_ASCII: Final = " .:-=+*#"
_BLOCKS: Final = " \u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588"
_MARKS: Final = 30
_ROWS: Final = 24
_FEWEST: Final = 20
_RANGES_NEED: Final = 70
_EMPTY: Final = 2
"""More empty rows than this, one after the other, are told in one."""
_FREE: Final = "\u2591"
_MINUTE_S: Final = 60


def line(shown: Finding, diagnosis: Diagnosis, page: Page) -> list[str]:
    """``last heard  [ .#  . ]  Fri 20 04:00 to Mon 23 03:12``; empty where that says little."""
    if shown.timeline is None or sum(shown.timeline.entries) < _FEWEST or page.width < 70:
        return []
    heights, width_s = gathered(shown.timeline, _MARKS)
    ramp = _ASCII if page.ascii else _BLOCKS
    top = max(heights)
    marks = "".join(
        ramp[0 if not height else max(1, round(height / top * (len(ramp) - 1)))] for height in heights
    )
    begin, end = ends(shown.timeline, len(heights) * width_s, diagnosis)
    return page.wrap(f"{begin} to {end}", f"   {VERB[shown.timeline.clock]} [{marks}] ")


def chart(shown: Finding, diagnosis: Diagnosis, page: Page) -> list[str]:
    """A row for each span of time, with its count and a bar, and what makes the clock inexact."""
    if shown.timeline is None:
        return []
    heights, width_s = gathered(shown.timeline, _ROWS)
    verb = VERB[shown.timeline.clock]
    lines = page.wrap(f"Entries by when they were {verb}, {words.duration(width_s)} a row:", "   ")
    top = max(max(heights, default=0), 1)
    edges = range(0, (len(heights) + 1) * width_s, width_s)
    narrow = page.width < _RANGES_NEED
    labels = [
        _label(shown.timeline, begin, end, len(heights) * width_s, diagnosis, narrow=narrow)
        for begin, end in pairwise(edges)
    ]
    longest = max(map(len, labels), default=0)
    for empty, run in groupby(zip(labels, heights, strict=True), key=lambda row: not row[1]):
        rows = list(run)
        if empty and len(rows) > _EMPTY:
            lines.append(f"     {'...':>{longest}} {0:>9}  ({len(rows)} rows)")
            continue
        for label, height in rows:
            bar = page.bar(height / top, max(page.width - longest - 18, 5)).rstrip("." + _FREE)
            lines.append(f"     {label:>{longest}} {height:>9,} {bar}".rstrip())
    for caveat in shown.timeline.caveats:
        lines += page.wrap(caveat, "   ~ ", " " * 5)
    return lines


def _label(
    shown: Timeline, begin_s: int, end_s: int, length_s: int, diagnosis: Diagnosis, *, narrow: bool
) -> str:
    """From when to when a row is, ``begin_s`` and ``end_s`` after the begin of the chart.

    ``narrow``: only from when.
    """
    if shown.start is None:
        begin, end = words.duration(length_s - begin_s), words.duration(length_s - end_s)
        return f"from {begin} before" if narrow else f"{begin} - {end} before"
    last = shown.start + timedelta(seconds=shown.bucket_s * len(shown.entries) - length_s)
    begin_at, end_at = (last + timedelta(seconds=offset) for offset in (begin_s, end_s))
    begin, end = (figures.moment(at, diagnosis.taken_at) for at in (begin_at, end_at))
    clock = len("00:00")
    if end_s - begin_s < _MINUTE_S:
        begin, end = f"{begin}:{begin_at.second:02}", f"{end}:{end_at.second:02}"
        clock = len("00:00:00")
    if narrow:
        return f"from {begin}"
    return f"{begin} - {end[-clock:] if begin[:6] == end[:6] else end}"

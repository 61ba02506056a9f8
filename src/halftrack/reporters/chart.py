"""Curves over time as rows of characters: readable without colour, in forty columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from halftrack.diagnosis import words

_ROWS: Final = 10
_MARGIN: Final = 12
"""Columns of the scale on the left."""
_NEAR: Final = 1.5
"""A limit that is no farther above the curves than this is drawn."""


@dataclass(frozen=True, slots=True)
class Curve:
    """``points``: seconds and entries, ascending; None is not drawn. Later curves cover earlier ones."""

    mark: str
    points: Sequence[tuple[int, int | None]]


def draw(curves: Sequence[Curve], width: int, *, limit: int | None = None) -> list[str]:
    """Lines of at most ``width`` columns; none where nothing is known. The scale begins at nothing."""
    known = [entries for curve in curves for _, entries in curve.points if entries is not None]
    if not known:
        return []
    top = max(*known, 1)
    if limit and top <= limit <= _NEAR * top:
        top = limit
    columns = max(width - _MARGIN - 1, 10)
    last_s = max(at for curve in curves for at, _ in curve.points) or 1
    cells = [[" "] * columns for _ in range(_ROWS)]
    if limit and limit <= top:
        cells[_row(limit, top)] = ["="] * columns
    for curve in curves:
        for column in range(columns):
            entries = _between(curve.points, column / (columns - 1) * last_s)
            if entries is not None:
                cells[_row(entries, top)][column] = curve.mark
    lines = []
    for number, row in enumerate(cells):
        label = f"{top:,}" if number == 0 else f"{top // 2:,}" if number == _ROWS // 2 and top > 1 else ""
        lines.append(f"{label:>{_MARGIN - 1}} |{''.join(row)}".rstrip())
    lines.append(f"{'0':>{_MARGIN - 1}} +{'-' * columns}")
    end = words.duration(last_s)
    lines.append(f"{'':>{_MARGIN}} now{end:>{columns - 3}}")
    return lines


def _row(entries: float, top: int) -> int:
    return min(max(_ROWS - 1 - round(entries / top * (_ROWS - 1)), 0), _ROWS - 1)


def _between(points: Sequence[tuple[int, int | None]], at_s: float) -> float | None:
    """Entries at a moment, on the line between the points around it."""
    before = after = None
    for at, entries in points:
        if at <= at_s:
            before = (at, entries)
        if at >= at_s:
            after = (at, entries)
            break
    if before is None or after is None or before[1] is None or after[1] is None:
        return None
    if after[0] == before[0]:
        return float(before[1])
    return before[1] + (after[1] - before[1]) * (at_s - before[0]) / (after[0] - before[0])

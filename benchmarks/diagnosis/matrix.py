"""The confusion matrix, its intervals and the four figures, as text."""

from __future__ import annotations

import math
import textwrap
from collections import Counter
from typing import TYPE_CHECKING, Final

from benchmarks.diagnosis import truth

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from benchmarks.diagnosis.record import Record

_Z: Final = 1.959964
"""Of a normal distribution: 95 % lie within."""


def wilson(hits: int, of: int) -> tuple[float, float]:
    """The 95 % interval of a share: Wilson (1927), the score interval. ``(0, 1)`` of nothing."""
    if not of:
        return 0.0, 1.0
    share, square = hits / of, _Z * _Z / of
    middle = (share + square / 2) / (1 + square)
    reach = _Z * math.sqrt(share * (1 - share) / of + square / (4 * of)) / (1 + square)
    return max(middle - reach, 0.0), min(middle + reach, 1.0)


def shown(records: Iterable[Record]) -> tuple[str, bool]:
    """The text, and whether all four figures hold."""
    every = sorted(records, key=lambda one: one.situation.number)
    done = [one for one in every if one.failed is None]
    told, held = figures(done)
    lines = [*_matrix(done), "", told]
    failed = [one for one in every if one.failed is not None]
    if failed:
        lines.append(f"did not come about: {len(failed)} of {len(every)}")
        lines += [f"  run {one.situation.number} {_scenarios(one)}: {one.failed}" for one in failed]
    late = sum(one.late for one in done)
    if late:
        lines.append(
            f"the machine was too busy for the doctor to see all, which it said: {late} of {len(done)}"
        )
    missed = [_miss(one) for one in done if _missed(one)]
    return "\n".join([*lines, "", "misses:", *missed] if missed else lines), held


def figures(done: Sequence[Record]) -> tuple[str, bool]:
    """The four of them in a line each, and whether all hold."""
    single = [one for one in done if len(one.truths) == 1]
    double = [one for one in done if len(one.truths) == 2]
    well = [one for one in done if not one.truths]
    found = (
        _figure("true cause first", single, truth.right, 0.95),
        _figure("both of two true causes among the first three", double, truth.both, 0.95),
        _figure("more than 0.5 for a wrong one", done, lambda one: bool(truth.wrong(one)), 0.01, most=True),
        _figure("healthy nodes left in peace", well, truth.in_peace, 1.0),
    )
    return "\n".join(line for line, _ in found), all(held for _, held in found)


def _figure(
    what: str, records: Sequence[Record], holds: Callable[[Record], bool], bound: float, *, most: bool = False
) -> tuple[str, bool]:
    """``bound``: at least, or at ``most``. Nothing measured is nothing shown."""
    hits, of = sum(map(holds, records)), len(records)
    if not of:
        return f"{what}: no runs", False
    low, high = wilson(hits, of)
    held = hits <= bound * of if most else hits >= bound * of
    bounded = f"{'at most' if most else 'at least'} {100 * bound:g} %{'' if held else ', MISSED'}"
    told = f"{what}: {hits} of {of} = {100 * hits / of:.1f} %"
    return f"{told} (95 %: {100 * low:.1f} to {100 * high:.1f} %; {bounded})", held


def _matrix(records: Sequence[Record]) -> Iterator[str]:
    """Rows are true causes, columns what was named first, in numbers of runs; then the same by scenario.

    Of two causes at once, by both of them, how often both were among the first three.
    """
    alone = [one for one in records if len(one.truths) < 2]
    yield "true cause (rows), named first (columns), runs:"
    yield from _table(alone, lambda one: " + ".join(one.truths) or truth.NOTHING)
    yield ""
    yield "by scenario:"
    yield from _table(alone, _scenarios)
    pairs: dict[str, list[Record]] = {}
    for one in records:
        if len(one.truths) == 2:
            pairs.setdefault(" + ".join(sorted(one.truths)), []).append(one)
    if pairs:
        yield ""
        yield f"two causes at once, {len(pairs)} pairs of causes; both are among the first three in:"
        told = (f"{name} {sum(map(truth.both, some))} of {len(some)}" for name, some in sorted(pairs.items()))
        yield from textwrap.wrap(", ".join(told), 108, initial_indent="  ", subsequent_indent="  ")


def _scenarios(one: Record) -> str:
    return " + ".join(one.situation.scenarios)


def _table(records: Sequence[Record], row_of: Callable[[Record], str]) -> Iterator[str]:
    rows: dict[str, list[Record]] = {}
    for one in records:
        rows.setdefault(row_of(one), []).append(one)
    columns = sorted({truth.first(one) for one in records})
    wide = max(map(len, rows), default=0)
    letters = [chr(ord("A") + number) for number in range(len(columns))]
    yield "  " + ", ".join(f"{letter} {name}" for letter, name in zip(letters, columns, strict=True))
    yield f"  {'':<{wide}}" + "".join(f"{letter:>5}" for letter in letters) + "   right, 95 % interval"
    for name, some in sorted(rows.items()):
        counted = Counter(map(truth.first, some))
        cells = "".join(f"{counted[cause] or '.':>5}" for cause in columns)
        hits = sum(map(truth.right, some))
        low, high = wilson(hits, len(some))
        share = f"{100 * hits / len(some):5.1f} % ({100 * low:.0f} to {100 * high:.0f} %)"
        yield f"  {name:<{wide}}{cells}   {share}"


def _missed(one: Record) -> bool:
    if len(one.truths) == 2:
        return bool(not truth.both(one) or truth.wrong(one))
    return bool(not truth.right(one) or truth.wrong(one) or (not one.truths and not truth.in_peace(one)))


def _miss(one: Record) -> str:
    where = one.situation
    findings = "; ".join(
        f"{each.symptom} {each.entries} ({each.severity}): "
        + ", ".join(f"{cause} {confidence:.2f}" for cause, confidence in each.causes[:4])
        for each in one.findings
        if each.causes
    )
    family = "IPv6" if where.ipv6 else "IPv4"
    varied = f"{family}, port {where.port}, load {where.load:g}, {where.background} beside"
    switches = {"founded": where.founded, "counting": where.counting, "stamping": where.stamping}
    if one.late:
        varied += ", too busy"
    for name in (where.distraction, *(name for name, on in switches.items() if on)):
        varied += f", {name}" if name else ""
    return f"  run {where.number} {_scenarios(one)} ({varied}): {findings or 'nothing found'}"

"""A drain as text: what would be done, and what was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.diagnosis import words

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.draining.outcome import Judged, Outcome, Preview

_WAYS = (
    ("spoke", "spoke or changed before their turn: left alone"),
    ("unproven", "not proven dead any more: left alone"),
    ("gone", "went by themselves before their turn"),
    ("short", "had no more left than that"),
    ("refused", "refused by the kernel"),
    ("not_reached", "not reached"),
)


def preview(shown: Preview) -> str:
    """The filter as it was understood, its count, and what is to happen to which entries."""
    lines = [
        f"filter: {shown.filter}",
        f"table: {shown.netns}, {words.entries(shown.table)}",
        f"matching: {words.entries(shown.matching)}",
    ]
    lines += [f"  {_judged(one, shown)}" for one in shown.judged]
    lines += [f"note: {note}" for note in shown.notes]
    return "\n".join(lines) + "\n"


def _judged(one: Judged, shown: Preview) -> str:
    if not one.changed:
        return f"{one.entries:>9,}  left alone: {one.why}"
    if shown.mode == "delete":
        return f"{one.entries:>9,}  removed: {one.why}"
    return f"{one.entries:>9,}  left {words.duration(one.seconds or 0)} at most: {one.why}"


def report(outcome: Outcome) -> str:
    """What was done, counted."""
    return "\n".join(_report(outcome)) + "\n"


def _report(outcome: Outcome) -> Iterator[str]:
    took = f" in {outcome.seconds:.1f} s"
    if outcome.removed or not outcome.retimed:
        yield f"removed {words.entries(outcome.removed)}{took}"
    else:
        yield f"re-timed {words.entries(outcome.retimed)}{took}"
    if outcome.went is not None:
        yield from _verified(outcome)
    for name, text in _WAYS:
        number = getattr(outcome, name)
        if number:
            yield f"  {number:,} {text}"
    for reason, number in outcome.reasons.items():
        yield f"    {number:,}: {reason}"
    if outcome.file is not None and outcome.done:
        yield f"kept: {outcome.file}"
        if outcome.put_back is not None:
            yield f"conntrack puts in again what it can: {outcome.put_back}"
    if outcome.stopped:
        yield "stopped; the same command goes on with what is left"


def _verified(outcome: Outcome) -> Iterator[str]:
    restored, went = outcome.restored or 0, outcome.went or 0
    if outcome.removed:
        yield f"  looked at again: {went:,} are gone"
        if restored > outcome.healed:
            more = restored - outcome.healed
            yield f"  {more:,} are there again: new connections with the same addresses and ports"
    else:
        short = outcome.retimed - restored - went - outcome.healed
        yield f"  looked at again: {short:,} have no more than that"
        if restored:
            yield f"  {restored:,} saved themselves: a packet came"
        if went:
            yield f"  {went:,} are gone already"
    if outcome.healed:
        yield f"  {outcome.healed:,} woke up in that very moment and were given back what they had"

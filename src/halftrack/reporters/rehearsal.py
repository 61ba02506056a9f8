"""A rehearsal as a screen: what was copied, each step beside its prediction, the connections, the cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.layout import Page
from halftrack.reporters.paint import painted
from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.plans.rehearsal import Connection, Copied, Cost, Kept, Rehearsal, RehearsedStep, Sample

_INDENT: Final = " " * 8
_STATES: Final = {
    "held": "held",
    "in-force": "in force already",
    "failed": "FAILED",
    "not-reached": "not reached: a step before it failed",
    "not-rehearsable": "not rehearsed",
}
_SHOWN_RULES: Final = 4
_WIDE: Final = 60


def render(
    found: Rehearsal,
    *,
    width: int = 80,
    ascii: bool = True,  # noqa: A002  # the page's alphabet, as the option is called everywhere
    color: bool = False,
    verbose: bool = False,
    again: str | None = None,
) -> str:
    """The screen as text, lines of at most ``width`` (40..80) columns. ``again``: the command for real."""
    page = Page(width, ascii, verbose)
    name = f"Plan {found.plan} for {found.plan_node}, rehearsed on {found.node}: {_verdict(found)}"
    lines = page.wrap(name, "", "  ")
    for line in found.against:
        lines += page.wrap(line, "  ! ")
    copied = {one.netns: one for one in found.copied}
    for sample in found.samples:
        lines += ["", *_copy(sample, copied.get(sample.netns), page)]
    opened = sum(one.opened for one in found.connections)
    for number, step in enumerate(found.steps, 1):
        lines += ["", *_step(number, step, opened, page)]
    for one in found.connections:
        lines += ["", *_connection(one, page)]
    lines += ["", *_end(found, page)]
    if again is not None:
        lines += ["", *shell_lines(again, page, _INDENT)]
    return "\n".join(painted(lines) if color else lines) + "\n"


def _verdict(found: Rehearsal) -> str:
    if not found.holds:
        return "does not go as planned."
    if any(each.entries for each in found.samples) or any(each.opened for each in found.connections):
        return "goes as predicted."
    return "its steps go, and there was nothing to see their effect on."


def _copy(sample: Sample, copied: Copied | None, page: Page) -> Iterator[str]:
    label = f"{'SAMPLE':<8}"
    of = f"{sample.entries:,} of {words.entries(sample.table)} of {sample.netns}"
    affected = f"{sample.entries_affected:,} of {sample.affected:,} of the plan's services"
    yield from page.wrap(f"{of}; {affected}", label)
    if page.verbose:
        yield from page.wrap(f"Which: {sample.how}.", _INDENT)
    if sample.room is not None:
        yield from page.wrap(f"No more, for {sample.room}.", _INDENT)
    for reason, number in sample.refused.items():
        yield from page.wrap(f"The kernel refused {words.entries(number)}: {reason}.", _INDENT)
    if copied is None:
        return
    rules = list(copied.rules if page.verbose else copied.rules[:_SHOWN_RULES])
    more = len(copied.rules) - len(rules)
    told = ", ".join([*rules, *([f"{more} more"] if more else [])]) or "no rules, there are none"
    yield from page.wrap(f"With {words.count(copied.settings, 'setting')} and {told}.", _INDENT)
    for line in copied.left:
        yield from page.wrap(f"Not copied: {line}", _INDENT)


def _step(number: int, step: RehearsedStep, opened: int, page: Page) -> Iterator[str]:
    yield from page.wrap(step.title.rstrip("."), f"STEP {number:<3}")
    state = _STATES[step.state]
    yield from page.wrap(f"{state}{f': {step.why}' if step.why else ''}", _INDENT)
    for line in step.did:
        yield from page.wrap(line, f"{_INDENT}- ", f"{_INDENT}  ")
    for line in step.not_done:
        yield from page.wrap(f"not rehearsed: {line}", f"{_INDENT}- ", f"{_INDENT}  ")
    yield from _beside(step, opened, page)


def _beside(step: RehearsedStep, opened: int, page: Page) -> Iterator[str]:
    """What happened beside what was predicted."""
    happened, foretold = step.happened, step.foretold
    if happened is None:
        return
    rows: list[tuple[str, int | None, int | None]] = [
        ("freed of the sample", foretold.of_sample, happened.entries_freed)
    ]
    if happened.entries_later:
        rows.append(("left two hours or more", None, happened.entries_later))
    rows.append(("shortened besides", 0, happened.others))
    if opened:
        rows.append((f"cut, of {words.count(opened, 'connection')}", None, happened.cut))
    if foretold.settles_at is not None:
        rows.append(("settles near", foretold.settles_at, happened.settles_at))
    if page.width >= _WIDE:
        yield f"{_INDENT}{'':<28}{'predicted':>11}{'happened':>11}"
        yield from (f"{_INDENT}{what:<28}{_number(one):>11}{_number(two):>11}" for what, one, two in rows)
    else:
        for what, one, two in rows:
            yield from page.wrap(f"{what}: {_number(two)}, predicted {_number(one)}", _INDENT)
    whole = [f"{foretold.entries_freed:,} freed"] if foretold.entries_freed else []
    if foretold.live_flows_affected:
        whole.append(f"up to {words.count(foretold.live_flows_affected, 'live connection')} cut")
    if whole:
        yield from page.wrap(f"predicted for the whole table: {', '.join(whole)}", _INDENT)


def _number(number: int | None) -> str:
    return "-" if number is None else f"{number:,}"


def _connection(one: Connection, page: Page) -> Iterator[str]:
    way = one.front if one.front == one.back else f"{one.front}, which is {one.back}"
    yield from page.wrap(f"{one.service}: {way}, from {one.client}", f"{'TALK':<8}")
    if not one.opened:
        yield from page.wrap(f"not tried: {one.why}", _INDENT)
        return
    open_one = "went on" if one.still else "WAS CUT"
    new_one = "was opened" if one.anew else "COULD NOT BE OPENED"
    yield from page.wrap(f"the open connection {open_one}, a new one {new_one}", _INDENT)
    if one.why:
        yield from page.wrap(one.why, _INDENT)
    for what, kept in (("a new connection", one.kept), ("a late packet", one.late)):
        if kept is not None:
            yield from page.wrap(f"{what}: {_kept(kept)}", _INDENT)


def _kept(kept: Kept) -> str:
    now = _time(kept.after)
    told = now if kept.before == kept.after else f"{now}, before: {_time(kept.before)}"
    if kept.agrees is None:
        return told
    return f"{told} ({'as' if kept.agrees else 'NOT as'} planned)"


def _time(seconds: int | None) -> str:
    return "no entry" if seconds is None else f"an entry of {seconds:,} s"


def _end(found: Rehearsal, page: Page) -> Iterator[str]:
    if found.undone is not None:
        told = "all that was written went back exactly." if found.undone else "NOT all of it went back."
        yield from page.wrap(words.capital(told), f"{'BACK':<8}")
    yield from page.wrap(_cost(found.cost), f"{'COST':<8}")
    for note in found.notes:
        yield from page.wrap(f"{words.capital(note)}.", f"{'NOTE':<8}")


def _cost(cost: Cost) -> str:
    kernel = "" if cost.kernel_bytes is None else f" ({_size(cost.kernel_bytes)} of the kernel's)"
    return (
        f"{cost.seconds:.1f} s, {cost.cpu_s:.1f} s of CPU, {_size(cost.memory_bytes)} of memory,"
        f" {words.entries(cost.entries)}{kernel}; all of it is gone. Nothing on this node was changed."
    )


def _size(number: int) -> str:
    return f"{number >> 10:,} KiB" if number < 1 << 20 else f"{number / (1 << 20):,.0f} MiB"

"""Changes as text: what would be done, what was, and whether it still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.layout import Page

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.plans.change import Change, Part
    from halftrack.plans.document import Plan

_PAGE: Final = Page()
_HOLDS: Final = {"yes": "holds", "no": "not in force", "drift": "DRIFT", "gone": "gone", "unknown": "?"}
_PARTS: Final = {"restored": "put back", "writing": "interrupted", "wrote": "not looked at", "verified": ""}


def intention(
    plan: Plan, titles: Sequence[str], already: Sequence[str], trial_s: int | None, *, lasting: bool
) -> str:
    """A plan before it is agreed to: its steps, each write, how it goes back."""
    return "\n".join(_intention(plan, titles, already, trial_s, lasting=lasting)) + "\n"


def _intention(
    plan: Plan, titles: Sequence[str], already: Sequence[str], trial_s: int | None, *, lasting: bool
) -> Iterator[str]:
    yield from _PAGE.wrap(f"Plan {plan.id} for {plan.node}")
    for step in plan.steps:
        yield from _PAGE.wrap(step.title, f"{step.kind.upper():<8}")
        if step.risk.level != "none":
            why = f": {'; '.join(step.risk.why)}" if step.risk.why else ""
            yield from _PAGE.wrap(f"risk {step.risk.level}{why}", " " * 8)
        for note in step.notes:
            yield from _PAGE.wrap(note, " " * 8)
    for number, title in enumerate(titles, 1):
        yield from _PAGE.wrap(title, f" {number}/{len(titles)} ")
    for title in already:
        yield from _PAGE.wrap(f"already: {title}", " ")
    if trial_s is not None:
        yield from _PAGE.wrap(
            f"Undone by itself in {words.duration(trial_s)} unless you type: halftrack keep"
        )
    elif not lasting:
        yield "Until the next reboot."


def outcome(change: Change) -> str:
    """A change that was just made."""
    number = change.number
    if change.state == "trial":
        at = f"{change.undone_at:%H:%M:%S} UTC" if change.undone_at is not None else "its deadline"
        text = f"Change {number} is on trial: undone at {at} unless you type: halftrack keep {number}"
    elif change.state == "applied":
        after = " It holds over a reboot." if change.persisted else ""
        text = f"Change {number} done.{after} Back: halftrack undo {number}"
    else:
        text = f"Change {number}: {_standing(change)}"
    lines = _PAGE.wrap(text)
    if change.drained is not None:
        lines += _PAGE.wrap(f"Drained {words.entries(change.drained)}; kept: {change.drained_file}")
    return "\n".join(lines) + "\n"


def listed(changes: Sequence[Change]) -> str:
    """One line a change, its title cut to fit."""
    lines = []
    for change in changes:
        start = f"{change.number:>4}  {change.at:%Y-%m-%d %H:%M}  {_PAGE.clean(_name(change))[:12]:<12} "
        end = _standing(change)
        room = _PAGE.width - len(start) - len(end) - 2
        title = _PAGE.clean(change.title)
        lines.append(f"{start}{title if len(title) <= room else title[: room - 3] + '...':<{room}}  {end}")
    return "".join(f"{line}\n" for line in lines)


def one(change: Change) -> str:
    """One change, write by write."""
    return "\n".join(_one(change)) + "\n"


def _one(change: Change) -> Iterator[str]:
    yield from _PAGE.wrap(f"Change {change.number}: {_standing(change)}")
    yield from _PAGE.wrap(change.title, "  ")
    yield from _PAGE.wrap(f"{change.at:%Y-%m-%d %H:%M:%S} UTC by {_by(change)}; plan {change.plan}", "  ")
    if change.why:
        yield from _PAGE.wrap(change.why, "  ")
    for part in change.parts:
        yield from _PAGE.wrap(_part(part), "  - ", "    ")
    if change.drained is not None:
        yield from _PAGE.wrap(f"drained {words.entries(change.drained)}; kept: {change.drained_file}", "  - ")


def _part(part: Part) -> str:
    said = [part.title, _PARTS[part.state]]
    if part.state != "restored":
        said.append(_now(part))
    return ": ".join(filter(None, said))


def _now(part: Part) -> str:
    """Nothing is said of what a later step of the same change has replaced."""
    if part.holds == "drift":
        return f"DRIFT, now {part.now or 'absent'}"
    return part.now or "" if part.holds == "unknown" else _HOLDS[part.holds]


def _standing(change: Change) -> str:
    if change.state == "undone":
        return "undone"
    holds = _HOLDS[change.holds] if change.parts else "done"
    match change.state:
        case "begun":
            return f"interrupted, {holds}"
        case "trial":
            return f"on trial, {holds}"
        case "stopped":
            return f"stopped, {holds}"
        case "undoing":
            return f"undo interrupted, {holds}"
        case _:
            return holds


def _name(change: Change) -> str:
    who = change.who
    return who.sudo or who.login or who.user


def _by(change: Change) -> str:
    who = change.who
    said = [who.user]
    if who.login not in (None, who.user):
        said.append(f"logged in as {who.login}")
    if who.sudo not in (None, who.login, who.user):
        said.append(f"sudo from {who.sudo}")
    if who.tty:
        said.append(f"on {who.tty}")
    if who.ssh:
        said.append(f"from {who.ssh.split(' ')[0]}")
    return ", ".join(said)

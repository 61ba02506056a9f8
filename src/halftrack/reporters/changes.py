"""Changes as text: what would be done, what was, and whether it still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.reporters.layout import Page
from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.plans.change import Change, Intention, Part
    from halftrack.plans.document import Plan

_PAGE: Final = Page()
_FEWEST_DOTS: Final = 3
_HOLDS: Final = {
    "yes": "holds",
    "no": "not in force",
    "drift": "DRIFT",
    "gone": "gone",
    "replaced": "replaced",
    "unknown": "?",
}
_PARTS: Final = {"restored": "put back", "writing": "interrupted", "wrote": "not looked at", "verified": ""}


def intention(plan: Plan, meant: Intention) -> str:
    """A plan before it is agreed to: its steps, each write, how it goes back."""
    return "\n".join((*_steps(plan), *_writes(meant), *_way_back(meant))) + "\n"


def _steps(plan: Plan) -> Iterator[str]:
    yield from _PAGE.wrap(f"Plan {plan.id} for {plan.node}")
    for step in plan.steps:
        yield from _PAGE.wrap(step.title, f"{step.kind.upper():<8}")
        if step.risk.level != "none":
            why = f": {'; '.join(step.risk.why)}" if step.risk.why else ""
            yield from _PAGE.wrap(f"risk {step.risk.level}{why}", " " * 8)
        for note in step.notes:
            yield from _PAGE.wrap(note, " " * 8)


def _writes(meant: Intention) -> Iterator[str]:
    for title in meant.writes:
        yield from _PAGE.wrap(title, "  - ", "    ")
    for words_of in meant.drains:
        yield from _PAGE.wrap(f"drain {words_of}", "  - ", "    ")
    for title in meant.files:
        later = " (when it is kept)" if meant.trial_s is not None else ""
        yield from _PAGE.wrap(f"{title}{later}", "  - ", "    ")
    for title in meant.already:
        yield from _PAGE.wrap(f"already: {title}", "    ")
    for manager, lines in meant.by_hand:
        yield from _PAGE.wrap(f"By hand, for it belongs to {manager}:")
        for line in lines:
            yield f"    {_PAGE.clean(line)}"


def _way_back(meant: Intention) -> Iterator[str]:
    for line in meant.bystander:
        yield from _PAGE.wrap(line)
    if not meant.has_work:
        return
    back = "exactly what was there." if meant.writes or meant.files else "none."
    drains = " Drained entries do not come back; a list is kept for conntrack -R." if meant.drains else ""
    yield from _PAGE.wrap(f"Undo: {back}{drains}")
    if not meant.writes and not meant.files:
        return
    if meant.trial_s is not None:
        until = words.duration(meant.trial_s)
        yield from _PAGE.wrap(f"Undone by itself in {until} unless you type: halftrack keep")
    elif not meant.lasting:
        yield "A reboot undoes it, too."


def progress(number: int, total: int, title: str, result: str) -> list[str]:
    """`` 1/2 net.netfilter.… 1 -> 0 ....... done, verified``, at most 80 columns wide.

    ``total`` may be less than there are in the end: files of rules are known once the rules stand.
    """
    lines = _PAGE.wrap(title, f" {number}/{max(number, total)} ")
    room = _PAGE.width - len(lines[-1]) - len(result) - 2
    if room < _FEWEST_DOTS:
        lines.append("    ")
        room = _PAGE.width - len(lines[-1]) - len(result) - 2
    lines[-1] += f" {'.' * room} {result}"
    return lines


def outcome(change: Change) -> str:
    """A change that was just made."""
    number = change.number
    if change.state == "trial":
        at = f"{change.undone_at:%H:%M:%S} UTC" if change.undone_at is not None else "its deadline"
        text = f"Change {number} is on trial: undone at {at} unless you type: halftrack keep {number}"
    elif change.state == "applied":
        after = "It holds over a reboot." if change.persisted else "A reboot undoes it."
        back = f" {after} Back: halftrack undo {number}" if change.parts else ""
        text = f"Change {number} done.{back}"
    else:
        text = f"Change {number}: {_standing(change)}"
    lines = _PAGE.wrap(text)
    lines += _drained(change, "Drained", "", "")
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
        undone = "undone: " if change.state == "undone" else ""
        yield from _PAGE.wrap(f"{undone}{change.why}", "  ")
    if change.state == "trial" and change.undone_at is not None:
        yield from _PAGE.wrap(
            f"undone at {change.undone_at:%H:%M:%S} UTC unless you type: halftrack keep {change.number}", "  "
        )
    for part in change.parts:
        yield from _PAGE.wrap(_part(part), "  - ", "    ")
    yield from _drained(change, "drained", "  - ", "    ")


def _drained(change: Change, did: str, first: str, rest: str) -> Iterator[str]:
    """How many entries, and how each file of them is put in again."""
    files = change.drained_files
    if change.drained is not None:
        after = "; conntrack puts in again what it can:" if files else ""
        yield from _PAGE.wrap(f"{did} {words.entries(change.drained)}{after}", first, rest)
    elif files:
        told = "a drain was cut short: what it touched is in this file; without the file, nothing"
        yield from _PAGE.wrap(told, first, rest)
    for each in files:
        if each.put_back is not None:
            yield from shell_lines(each.put_back, _PAGE, f"{rest}  ")
        else:
            gone = f"{each.file}; the way into its namespace, {each.netns}, is not known any more"
            yield from _PAGE.wrap(gone, f"{rest}  ")


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

"""Whether a plan still fits the node, asked of every action before the first write."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from halftrack.changes import clearing, making, persisting, spaces
from halftrack.changes.writes import sysctl
from halftrack.errors import HalftrackError, PermissionMissing, UnreadableInput
from halftrack.plans import words
from halftrack.plans.actions import ByHand, Drain, Persist, SetBuckets, SetSysctl

if TYPE_CHECKING:
    from halftrack.plans.actions import Action
    from halftrack.plans.document import Plan


@dataclass(slots=True)
class Checked:
    """Of a plan on this node now.

    ``refused``: what does not hold any more, a line each; ``denied``: those of them that somebody with
    more rights could do. ``titles``: of the writes to come, ``files``:
    of those that make it last. ``lasting``: it will hold over a reboot, once it is kept. ``already``:
    actions that are in force. ``by_hand``: what somebody else has to do.
    """

    refused: list[str] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)
    titles: list[str] = field(default_factory=list)
    already: list[str] = field(default_factory=list)
    by_hand: list[ByHand] = field(default_factory=list)
    drains: list[Drain] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    lasting: bool = False

    def refuse(self, error: HalftrackError) -> None:
        """Note what speaks against the plan."""
        self.refused.append(str(error))
        if isinstance(error, PermissionMissing):
            self.denied.add(str(error))


def check(plan: Plan, *, lasting: bool) -> Checked:
    """Look at everything, write nothing."""
    checked = Checked()
    if plan.variables:
        names = ", ".join(sorted(plan.variables))
        checked.refused.append(f"masked addresses have to be filled in first: {names}")
        return checked
    to_come: dict[str, str] = {}
    for step in plan.steps:
        for action in step.actions:
            try:
                _refuse_foreign(action)
                _check(action, checked, to_come)
            except HalftrackError as error:
                checked.refuse(error)
    if lasting:
        checked.lasting = persisting.merged(plan) != Persist()
        try:
            checked.files += [write.title for write in persisting.check(plan)]
        except HalftrackError as error:
            checked.refuse(error)
    return checked


def _refuse_foreign(action: Action) -> None:
    """Raise UnreadableInput for what no plan has to set: a file says by itself who wrote it.

    What lasts would be read as root at the next boot, and is not part of what runs now.
    """
    try:
        match action:
            case SetSysctl():
                words.sysctl(action.name), words.new_value(action.after)
            case SetBuckets():
                words.new_value(str(action.after))
            case Persist():
                for name, value in action.settings.items():
                    words.sysctl(name), words.new_value(value)
                words.new_value(str(action.hashsize or 0))
            case _:
                pass
    except ValueError as error:
        raise UnreadableInput(f"the plan asks for what is none of its business: {error}") from error


def _check(action: Action, checked: Checked, to_come: dict[str, str]) -> None:
    match action:
        case ByHand():
            checked.by_hand.append(action)
        case Drain():
            clearing.check(action)
            checked.drains.append(action)
        case Persist():
            pass
        case SetSysctl() if (earlier := to_come.get(_key(action))) is not None:
            if action.before not in (None, earlier):
                checked.refused.append(f"{action.name} will be {earlier} and not {action.before} by then")
            checked.titles.append(f"{action.name} {earlier} -> {action.after}")
            to_come[_key(action)] = action.after
        case _:
            writes = making.writes(action)
            for write in writes:
                if isinstance(write, sysctl.SysctlWrite):
                    write.may()
            checked.titles += [write.title for write in writes]
            if not writes:
                checked.already.append(_named(action))
            if isinstance(action, SetSysctl):
                to_come[_key(action)] = action.after


def _key(action: SetSysctl) -> str:
    space = spaces.find(action.where)
    return sysctl.SysctlWrite(space=space, name=action.name, before="", after="").key


def _named(action: Action) -> str:
    return f"{action.name} is {action.after}" if isinstance(action, SetSysctl) else "in force already"

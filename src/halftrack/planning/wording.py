"""What the actions of a step do, in words: what is there, what will be, the way back, the proof."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.plans.actions import AddRules, ByHand, Drain, Persist, SetBuckets, SetSysctl, Untracked
from halftrack.plans.lasting import DROP_IN, MODULE_OPTIONS, MODULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halftrack.plans.actions import Action

_HASHSIZE: Final = "hashsize"


def target(actions: Sequence[Action]) -> str:
    """Settings, services and namespaces that are touched."""
    return "; ".join(dict.fromkeys(_target(action) for action in actions if not isinstance(action, Persist)))


def _target(action: Action) -> str:
    match action:
        case SetSysctl():
            return f"{action.name} in {action.where.netns}"
        case SetBuckets():
            return f"{_HASHSIZE} of the node"
        case AddRules():
            return f"{_service(action)} in {action.where.netns}"
        case Drain():
            return f"entries that match {' '.join(action.filter)} in {action.where.netns}"
        case ByHand():
            return action.manager
        case Persist():
            return "files"


def _service(action: AddRules) -> str:
    rule = action.rule
    if isinstance(rule, Untracked):
        return f"{rule.protocol}/{rule.port} of {rule.address}"
    return f"tcp/{rule.port}" if rule.address is None else f"tcp/{rule.port} of {rule.address}"


def before(actions: Sequence[Action]) -> str:
    return _joined(_before(action) for action in actions)


def _before(action: Action) -> str | None:
    match action:
        case SetSysctl():
            return f"{action.name} = {_seen(action.before)}"
        case SetBuckets():
            return f"{_HASHSIZE} = {_seen(action.before)}"
        case AddRules():
            return f"no rule of ours for {_service(action)}"
        case Drain():
            return "not counted" if action.expected is None else f"{words.entries(action.expected)} match"
        case ByHand() | Persist():
            return None


def _seen(value: str | int | None) -> str:
    return "not seen" if value is None else str(value)


def after(actions: Sequence[Action]) -> str:
    return _joined(_after(action) for action in actions)


def _after(action: Action) -> str | None:
    match action:
        case Drain():
            return _drained(action)
        case SetSysctl():
            return f"{action.name} = {action.after}"
        case SetBuckets():
            return f"{_HASHSIZE} = {action.after}"
        case AddRules():
            return f"{action.tool}: {_rule(action)}"
        case ByHand():
            return f"{action.manager} changes: {'; '.join(action.lines)}"
        case Persist():
            return None


def _drained(action: Drain) -> str:
    if action.mode == "delete":
        return "those proven dead are removed"
    return f"{words.duration(action.seconds)} left to each that is dead or never was answered"


def _rule(action: AddRules) -> str:
    rule = action.rule
    if isinstance(rule, Untracked):
        first = f"accepted without state in {', '.join(rule.accept)}, then " if rule.accept else ""
        others = [f"{each.table} {each.chain}" for each in rule.by_hand]
        by_hand = f"first, by hand, accepted without state in {', '.join(others)}; " if others else ""
        return f"{by_hand}{first}no tracking of {_service(action)}"
    told = ", ".join(f"{state} {words.duration(seconds)}" for state, seconds in rule.timeouts.items())
    return f"timeouts of new connections of {_service(action)}: {told}"


def undo(actions: Sequence[Action]) -> str:
    """The way back; the last change goes first."""
    files = [action for action in actions if isinstance(action, Persist)]
    others = [action for action in reversed(actions) if not isinstance(action, Persist)]
    return _joined(_undo(action) for action in (*others, *files))


def _undo(action: Action) -> str | None:
    match action:
        case SetSysctl():
            return f"{action.name} = {_back(action.before)}"
        case SetBuckets():
            return f"{_HASHSIZE} = {_back(action.before)}"
        case AddRules():
            return f"our rules for {_service(action)} taken out"
        case Drain():
            return "none: what was drained is kept as a list for conntrack -R"
        case ByHand():
            return f"by {action.manager}"
        case Persist():
            return "our files as they were"


def _back(value: str | int | None) -> str:
    return "what is read right before" if value is None else str(value)


def verify(actions: Sequence[Action]) -> str:
    return _joined(_verify(action) for action in actions)


def _verify(action: Action) -> str | None:
    match action:
        case SetSysctl():
            return f"{action.name} reads {action.after}"
        case SetBuckets():
            return f"{_HASHSIZE} reads {action.after}"
        case AddRules():
            return f"{action.tool} lists the rules for {_service(action)}"
        case Drain():
            return "each is read again: gone, going, or back by its own packet"
        case ByHand():
            return "after its owner changed it: halftrack doctor"
        case Persist():
            return None


def kept(actions: Sequence[Action]) -> str | None:
    """What makes it hold over a reboot; None where nothing does."""
    files: list[str] = []
    for action in actions:
        if isinstance(action, Persist):
            files += [DROP_IN] if action.settings else []
            files += [MODULES] if action.module else []
            files += [MODULE_OPTIONS] if action.hashsize is not None else []
            files += ["our rules' unit"] if action.rules else []
    return ", ".join(dict.fromkeys(files)) or None


def _joined(parts: Iterable[str | None]) -> str:
    return "; ".join(dict.fromkeys(part for part in parts if part))

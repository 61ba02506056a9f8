"""What a plan changes, sorted by who could hold it, and the comments that all targets share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from halftrack.evidence.values import OWN
from halftrack.plans.actions import AddRules, ByHand, Drain, Persist, SetBuckets, SetSysctl, Untracked
from halftrack.plans.words import comment, new_value, sysctl, value

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.plans.document import Plan, Step

Change: TypeAlias = SetSysctl | SetBuckets | AddRules | Drain


@dataclass(frozen=True, slots=True)
class Setting:
    """A sysctl of the node itself, checked: its dotted name, what it was, what it is to be."""

    step: Step
    name: str
    before: str | None
    after: str
    manager: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """``others``: what is not a sysctl of the node's own, with the step that wants it."""

    settings: tuple[Setting, ...]
    others: tuple[tuple[Step, Change], ...]
    module: bool
    hashsize: int | None


def contents(plan: Plan) -> Contents:
    """Raises ValueError where a name or a value is none."""
    settings: dict[str, Setting] = {}
    others: list[tuple[Step, Change]] = []
    module, hashsize = False, None
    for step in plan.steps:
        for action in step.actions:
            match action:
                case SetSysctl() if action.where.netns in OWN:
                    settings[action.name] = _setting(step, action)
                case ByHand():
                    settings |= {each.name: _setting(step, each, action.manager) for each in action.settings}
                case Persist():
                    module |= action.module
                case SetBuckets():
                    # Where nobody saw how many there are, a file could make them fewer.
                    hashsize = action.after if action.before is not None else None
                    others.append((step, action))
                case _:
                    others.append((step, action))
    return Contents(tuple(settings.values()), tuple(others), module, hashsize)


def _setting(step: Step, action: SetSysctl, manager: str | None = None) -> Setting:
    before = None if action.before is None else value(action.before)
    return Setting(step, sysctl(action.name), before, new_value(action.after), manager)


def head(plan: Plan) -> list[str]:
    """What this is, from when, and what is predicted."""
    taken = f", table as of {plan.taken_at:%Y-%m-%dT%H:%M:%SZ}" if plan.taken_at else ""
    return [comment(f"halftrack plan {plan.id}, for {plan.node}{taken}")]


def predicted(step: Step) -> str:
    """The step's effect and risk in one line."""
    said = [step.title]
    if step.effect.settles_at is not None:
        said.append(f"settles at about {step.effect.settles_at:,} entries")
    if step.risk.live_flows_affected is not None:
        said.append(f"live flows affected: {step.risk.live_flows_affected:,}")
    return "; ".join(said)


def left_out(others: tuple[tuple[Step, Change], ...], why: str) -> Iterator[str]:
    """Comment lines on what the target cannot hold. ``why``: in a few words."""
    if others:
        yield comment(f"Not in this file ({why}):")
    for step, action in others:
        yield comment(f"  {_words(action)} ({step.remedy})")


def _words(action: Change) -> str:
    match action:
        case SetSysctl():
            return f"{action.name} = {action.after} in the network namespace {action.where.netns}"
        case SetBuckets():
            return f"{action.after} buckets of the hash, module parameter hashsize"
        case AddRules():
            rule = action.rule
            if isinstance(rule, Untracked):
                return f"{action.tool}: notrack for {rule.protocol} port {rule.port} of {rule.address}"
            times = ", ".join(f"{state} {seconds}" for state, seconds in rule.timeouts.items())
            return f"{action.tool}: timeouts for TCP port {rule.port}: {times}"
        case Drain():
            return f"halftrack drain {' '.join(action.filter)}"

"""A plan as a screen: RELIEF, CURE, CLEAR, what each costs, the way back, and what was not chosen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis import words
from halftrack.plans import rules
from halftrack.plans.actions import AddRules, ByHand, Drain, Untracked
from halftrack.plans.words import Spelling
from halftrack.reporters import live_flows
from halftrack.reporters.layout import Page
from halftrack.reporters.paint import painted
from halftrack.reporters.phrases import remedies
from halftrack.reporters.shell_lines import shell_lines

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from halftrack.plans.document import Effect, NotChosen, Plan, Step

_INDENT: Final = " " * 8
_REASONS: Final = 2


def render(
    plan: Plan,
    *,
    width: int = 80,
    ascii: bool = True,  # noqa: A002  # the page's alphabet, as the option is called everywhere
    color: bool = False,
    verbose: bool = False,
    following: Sequence[str] = (),
) -> str:
    """The screen as text, lines of at most ``width`` (40..80) columns.

    ``following``: commands to be typed next, whole.
    """
    page = Page(width, ascii, verbose)
    lines = [*page.wrap(f"Plan {plan.id} for {plan.node}: {_what(plan)}", "", " " * 10)]
    lines += page.wrap(plan.verdict, " " * 10) if plan.verdict else []
    for step in plan.steps:
        lines += ["", *_step(step, page, plan.variables)]
    lines += _left_out(plan.not_chosen, page)
    lines += _variables(plan, page)
    for note in plan.notes:
        lines += ["", *page.wrap(words.capital(note), "", "  ")]
    if following and plan.steps:
        lines += ["", *(line for command in following for line in shell_lines(command, page, _INDENT))]
    return "\n".join(painted(lines) if color else lines) + "\n"


def _what(plan: Plan) -> str:
    if not plan.steps:
        return "nothing to do." if plan.complete else "nothing to do, as far as could be seen."
    by_hand = sum(_by_hand(step) for step in plan.steps)
    others = f", {by_hand} of them by somebody else" if by_hand else ""
    return f"{words.count(len(plan.steps), 'step')}{others}."


def _by_hand(step: Step) -> bool:
    return bool(step.actions) and all(isinstance(action, ByHand) for action in step.actions)


def _step(step: Step, page: Page, variables: Mapping[str, str]) -> list[str]:
    lines = page.wrap(f"{step.title.rstrip('.')}{_for(step)}", f"{step.kind.upper():<8}")
    effect = _effect(step.effect)
    lines += page.wrap(effect, _INDENT) if effect else []
    lines += page.wrap(_risk(step), _INDENT)
    reasons = step.risk.why if page.verbose else step.risk.why[:_REASONS] if step.risk.level != "none" else ()
    for reason in reasons:
        lines += page.wrap(reason, f"{_INDENT}- ")
    for flows in step.risk.live_flows if page.verbose else ():
        lines += page.wrap(live_flows.told(flows), f"{_INDENT}- ", f"{_INDENT}  ")
    if page.verbose:
        lines += page.wrap(step.before, f"{_INDENT}Seen:   ") if step.before else []
        lines += page.wrap(step.after, f"{_INDENT}Then:   ")
        lines += page.wrap(step.verify, f"{_INDENT}Proof:  ") if step.verify else []
    for action in step.actions:
        if isinstance(action, ByHand):
            lines += page.wrap(f"for {action.manager}:", _INDENT)
            for line in action.lines:
                lines += shell_lines(line, page, f"{_INDENT}  ")
        if isinstance(action, AddRules) and isinstance(action.rule, Untracked) and action.rule.by_hand:
            lines += page.wrap("first, by hand:", _INDENT)
            lines += _first(action.rule, page, variables)
    lines += page.wrap(step.undo, f"{_INDENT}Undo:   ")
    for note in step.notes:
        lines += page.wrap(words.capital(note), _INDENT)
    return lines


def _first(rule: Untracked, page: Page, variables: Mapping[str, str]) -> list[str]:
    """What has to be typed before; a plan from elsewhere may name what is no chain."""
    try:
        told = rules.lines_by_hand(rule, Spelling(variables))
    except ValueError as error:
        return page.wrap(f"not fit to be typed: {error}", f"{_INDENT}  ")
    return [line for one in told for line in shell_lines(one, page, f"{_INDENT}  ")]


def _for(step: Step) -> str:
    """What it is for, where the title does not say."""
    filters = [" ".join(action.filter) for action in step.actions if isinstance(action, Drain)]
    if filters:
        return f": {', '.join(filters)}"
    return ""


def _effect(effect: Effect) -> str:
    parts = []
    if effect.settles_at is not None:
        parts.append(f"settles near ~{effect.settles_at:,}")
    if effect.points:
        parts.append(f"the table in {_course(effect)}")
    text = "; ".join(parts)
    return f"{words.capital(text)}." if text else ""


def _course(effect: Effect) -> str:
    """The points at which the size has changed since the one before."""
    shown: list[str] = []
    last = None
    for point in effect.points:
        if point.entries != last:
            shown.append(f"{_at(point.at_s)} ~{point.entries:,}")
        last = point.entries
    return ", ".join(shown)


def _at(seconds: int) -> str:
    return f"{seconds // 86_400} d" if seconds >= 86_400 else f"{seconds // 3_600} h"


def _risk(step: Step) -> str:
    risk = step.risk
    if risk.live_flows_affected is None:
        return f"Risk {risk.level}: how many live connections it may cut is not known."
    return f"{remedies.cost(risk)}."


def _left_out(left: Sequence[NotChosen], page: Page) -> list[str]:
    lines: list[str] = []
    for each in left:
        service = f" for {each.service}" if each.service else ""
        lines += page.wrap(f"{each.remedy}{service}: {each.why}", "  ", "    ")
    return ["", "Not chosen:", *lines] if lines else []


def _variables(plan: Plan, page: Page) -> list[str]:
    if not plan.variables:
        return []
    lines = ["", "Masked addresses, to be filled in (fix --fill ADDR_1=203.0.113.73):"]
    for name, shown in plan.variables.items():
        lines += page.wrap(f"{name}=    # the address shown as {shown}", "  ")
    return lines

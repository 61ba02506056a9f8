"""A plan as one POSIX sh script, for a node on which Halftrack can never run.

What the script does is in the ``.sh`` files beside this one: fixed text, put together as far as a
plan needs it. What comes from the plan are calls of those functions with quoted words.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from halftrack.plans.document import identified
from halftrack.plans.script.calls import Calls
from halftrack.plans.words import Spelling, comment, quoted

if TYPE_CHECKING:
    from halftrack.plans.document import Plan

_PARTS: Final = ("relief", "cure", "clear")
_ORDER: Final = (
    "base",
    "addresses",
    "settings",
    "buckets",
    "files",
    "boot",
    "nft",
    "policies",
    "iptables",
    "entries",
    "order",
    "drops",
    "main",
)
_ALWAYS: Final = ("base", "drops", "main")


def script(plan: Plan) -> str:
    """The script's text, ASCII. Raises ValueError where a name, an address or a value in the plan is none."""
    plan = identified(plan)
    calls = Calls(plan, Spelling(plan.variables))
    calls.add_all()
    needs = {*calls.needs, *_ALWAYS, *(("addresses",) if plan.variables else ())}
    here = files(__name__)
    library = [here.joinpath(f"{name}.sh").read_text("ascii") for name in _ORDER if name in needs]
    sections = [
        "\n".join(_head(plan)),
        "\n".join(_values(plan, calls)),
        "\n".join(calls.bodies),
        _addresses(plan, calls),
        _about(plan),
        *library,
    ]
    return "\n".join(sections)


def _head(plan: Plan) -> list[str]:
    made = f", made {plan.made_at:%Y-%m-%dT%H:%M:%SZ}" if plan.made_at else ""
    lines = [
        "#!/bin/sh",
        comment(f"Halftrack's plan {plan.id} for {plan.node}{made}. Each part can be run alone:"),
    ]
    for part in _PARTS:
        steps = [step for step in plan.steps if step.kind == part]
        lines += [comment(f"  {part if step is steps[0] else '':7} {step.title}") for step in steps]
    lines.append("#   back    puts back what relief and cure changed (back relief, back cure: one of them)")
    lines.append("# No part: says what each would do. Nothing is changed where a value is not as planned.")
    lines.append("# HALFTRACK_ROOT: where etc, var and run are, if not in /.")
    lines += [comment(f"Not chosen: {each.remedy}: {each.why}") for each in plan.not_chosen]
    lines += [comment(f"Note: {note}") for note in plan.notes]
    return lines


def _values(plan: Plan, calls: Calls) -> list[str]:
    """Assignments: what has to be filled in comes first."""
    lines = [
        f"{name}=''    {comment(f'the address shown as {shown}')}" for name, shown in plan.variables.items()
    ]
    lines += [f"PLAN={quoted(plan.id)}", f"NODE={quoted('' if plan.source == 'dump' else plan.node)}"]
    for part in _PARTS:
        numbers = " ".join(str(number + 1) for number in range(calls.numbers[part]))
        lines.append(f"{part.upper()}={quoted(numbers)}")
    return lines


def _addresses(plan: Plan, calls: Calls) -> str:
    """Looks at what was filled in; an address that no step uses may stay empty."""
    checks = [
        f'    filled {name} "${{{name}}}" {quoted(shown)} {calls.families[name]}'
        for name, shown in plan.variables.items()
        if name in calls.families
    ]
    return "\n".join(("addresses() {", *(checks or ["    :"]), "}"))


def _about(plan: Plan) -> str:
    """What each part is about, in the plan's own words."""
    lines = ["about() {", "    case $1 in"]
    for part in _PARTS:
        lines.append(f"    {part})")
        for step in (each for each in plan.steps if each.kind == part):
            lines.append(f"        say {quoted(f'{part.upper()}  {step.title}')}")
            risk = "; ".join((step.risk.level, *step.risk.why))
            lines.append(f"        say {quoted(f'  risk: {risk}')}")
            lines += [f"        say {quoted(f'  {note}')}" for note in step.notes]
        lines.append("        ;;")
    return "\n".join((*lines, "    esac", "}"))

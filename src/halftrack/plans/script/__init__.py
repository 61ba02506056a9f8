"""A plan as one POSIX sh script, for a node on which Halftrack can never run.

What the script does is in the ``.sh`` files beside this one: fixed text, put together as far as a
plan needs it. What comes from the plan are calls of those functions with quoted words.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import KINDS
from halftrack.plans.document import identified
from halftrack.plans.script.calls import Calls
from halftrack.plans.script.telling import about, head
from halftrack.plans.script.variables import assignments
from halftrack.plans.words import Spelling, quoted

if TYPE_CHECKING:
    from halftrack.plans.document import Plan

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
        "\n".join(head(plan)),
        "\n".join(_values(plan, calls)),
        "\n".join(calls.bodies),
        _addresses(plan, calls),
        about(plan),
        *library,
    ]
    return "\n".join(sections)


def _values(plan: Plan, calls: Calls) -> list[str]:
    """Assignments: what has to be filled in comes first."""
    lines = assignments(plan.variables)
    lines += [f"PLAN={quoted(plan.id)}", f"NODE={quoted('' if plan.source == 'dump' else plan.node)}"]
    for part in KINDS:
        numbers = " ".join(str(number + 1) for number in range(calls.numbers[part]))
        lines.append(f"{part.upper()}={quoted(numbers)}")
    return lines


def _addresses(plan: Plan, calls: Calls) -> str:
    """Looks at what was filled in, where an address that no step uses may stay empty; names what was not,
    for a look at the steps.
    """
    checks = [
        f'    filled {name} "${{{name}}}" {quoted(shown)} {calls.families[name]}'
        for name, shown in plan.variables.items()
        if name in calls.families
    ]
    names = [f'    : "${{{name}:={name}}}"' for name in plan.variables]
    return "\n".join(
        ("addresses() {", *(checks or ["    :"]), "}", "by_name() {", *(names or ["    :"]), "}")
    )

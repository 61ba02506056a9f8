"""What a script says of itself: its head, and what each part is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import KINDS
from halftrack.plans.actions import Drain
from halftrack.plans.words import comment, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.plans.document import Plan, Step

_WHOLE: Final = "trap 'echo \"this script is not whole: nothing was changed\" >&2; exit 76' EXIT"
"""For one that was cut on its way: what is left of it only says what functions there are."""
_DRAINED: Final = {
    "unanswered": "delete {} that never had an answer",
    "no-socket": "delete {} whose socket is gone",
    "silent": "leave {} that are silent 2 h 4 min to speak",
}


def head(plan: Plan) -> list[str]:
    made = f", made {plan.made_at:%Y-%m-%dT%H:%M:%SZ}" if plan.made_at else ""
    lines = [
        "#!/bin/sh",
        _WHOLE,
        comment(f"Halftrack's plan {plan.id} for {plan.node}{made}. Each part can be run alone:"),
    ]
    for part in KINDS:
        steps = [step for step in plan.steps if step.kind == part]
        lines += [comment(f"  {part if step is steps[0] else '':7} {_title(step)}") for step in steps]
    lines.append("#   back    puts back what relief and cure changed (back relief, back cure: one of them)")
    lines.append("# No part: says what each would do. Nothing is changed where a value is not as planned.")
    lines.append("# HALFTRACK_ROOT: where etc, var and run are, if not in /.")
    lines += [comment(f"Not chosen: {each.remedy}: {each.why}") for each in plan.not_chosen]
    lines += [comment(f"Note: {note}") for note in plan.notes]
    return lines


def about(plan: Plan) -> str:
    """What each part is about, in the plan's own words."""
    lines = ["about() {", "    case $1 in"]
    for part in KINDS:
        lines.append(f"    {part})")
        for step in (each for each in plan.steps if each.kind == part):
            told = [f"{part.upper()}  {_title(step)}", *(f"  {line}" for line in _notes(step))]
            lines += [f"        say {quoted(line)}" for line in told]
        lines.append("        ;;")
    return "\n".join((*lines, "    esac", "}"))


def _title(step: Step) -> str:
    """The step's own; for a drain what this script makes of it, which is not what Halftrack does."""
    drains = [action for action in step.actions if isinstance(action, Drain)]
    if not drains:
        return step.title
    counts: dict[str, int] = {}
    for each in (selection for drain in drains for selection in drain.selections):
        counts[each.proof] = counts.get(each.proof, 0) + each.entries
    told = [_DRAINED[proof].format(f"{count:,} entries") for proof, count in counts.items()]
    return "; ".join(told) or f"not by this script: {step.title}"


def _notes(step: Step) -> Iterator[str]:
    if any(isinstance(action, Drain) for action in step.actions):
        yield "risk: what goes does not come back, a list of it is kept; each filter is looked at before"
    else:
        yield f"risk: {'; '.join((step.risk.level, *step.risk.why))}"
        yield from step.notes

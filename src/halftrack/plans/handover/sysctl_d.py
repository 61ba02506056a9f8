"""A drop-in for /etc/sysctl.d."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.plans.handover.contents import contents, head, left_out, predicted
from halftrack.plans.lasting import DROP_IN, MODULE_OPTIONS, module_option
from halftrack.plans.words import comment

if TYPE_CHECKING:
    from halftrack.plans.document import Plan


def render(plan: Plan) -> str:
    """Raises LookupError where the plan changes no sysctl of the node."""
    held = contents(plan)
    if not held.settings:
        raise LookupError("this plan changes no sysctl of the node itself")
    lines = [
        *head(plan),
        comment(f"for {DROP_IN}; at once: sysctl -p {DROP_IN}"),
        "# The module nf_conntrack has to be loaded before boot applies this, or the lines are passed",
        "# over: a file in /etc/modules-load.d with the line nf_conntrack.",
    ]
    for each in held.settings:
        was = f"was {each.before}" if each.before is not None else "what it was is not known"
        lines += ["", comment(predicted(each.step)), comment(was)]
        if each.manager is not None:
            lines.append(comment(f"{each.manager} sets this at each of its starts: it has to change there"))
        lines.append(f"{each.name} = {each.after}")
    if held.hashsize is not None:
        lines += ["", comment(f"with it, in {MODULE_OPTIONS}: {module_option(held.hashsize)}")]
    if held.others:
        lines += ["", *left_out(held.others, "it is no sysctl of the node")]
    return "\n".join(lines) + "\n"

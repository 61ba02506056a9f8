"""A plan in a form that is carried away: a script for its node, a file for the settings' owner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.commands import output, saving
from halftrack.diagnosis.document import KINDS
from halftrack.errors import UnreadableInput, UsageError
from halftrack.evidence.printable import escaped
from halftrack.plans import handover
from halftrack.plans.script import script as as_script

if TYPE_CHECKING:
    from pathlib import Path

    from halftrack.plans.document import Plan


def script(plan: Plan) -> bytes:
    """Raises UnreadableInput where the source has a name, an address or a value that is none."""
    try:
        return as_script(plan).encode("ascii")
    except ValueError as error:
        raise UnreadableInput(f"no script can be made of this plan: {error}") from error


def file(plan: Plan, owner: str) -> bytes:
    """The same for ``owner``'s file; UsageError where nothing of the plan is for it."""
    try:
        return handover.hand_over(plan, owner).encode("ascii")
    except LookupError as error:
        raise UsageError(f"nothing for {owner}: {error.args[0]}") from error
    except ValueError as error:
        raise UnreadableInput(f"no file for {owner} can be made of this plan: {error}") from error


def write(data: bytes, target: Path | None) -> None:
    if target is None:
        output.write(data)
    else:
        saving.save(data, target)


def summary(plan: Plan, owner: str | None) -> str:
    """One line on what was printed."""
    parts = [part for part in KINDS if any(step.kind == part for step in plan.steps)]
    what = f"for {owner}" if owner else f"parts {', '.join(parts) or 'none'}"
    missing = f"; fill in {', '.join(plan.variables)} first" if plan.variables and not owner else ""
    return f"plan {plan.id} for {escaped(plan.node, ascii_only=True)}: {what}{missing}"

"""A plan in a form that is carried away: a script for its node, a file for the settings' owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.document import KINDS
from halftrack.errors import UnreadableInput, UsageError
from halftrack.evidence.literals import literal
from halftrack.evidence.printable import escaped
from halftrack.plans import handover
from halftrack.plans.script import script as as_script

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.plans.document import Plan

_NAMED: Final = 4
"""So many variables are named, and the rest counted."""


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


def summary(plan: Plan, owner: str | None) -> str:
    """One line on what was printed."""
    parts = [part for part in KINDS if any(step.kind == part for step in plan.steps)]
    what = f"for {owner}" if owner else f"parts {', '.join(parts) or 'none'}"
    missing = "" if owner else "".join(f"; {each}" for each in _to_fill_in(plan))
    return f"plan {plan.id} for {escaped(plan.node, ascii_only=True)}: {what}{missing}"


def _to_fill_in(plan: Plan) -> list[str]:
    """Stand-ins of ``collect --mask`` are addresses, and what somebody masked by hand is none."""
    by_hand: list[str] = []
    by_map: list[str] = []
    for name, shown in plan.variables.items():
        (by_map if _is_address(shown) else by_hand).append(name)
    told = [f"unmask fills in {_names(by_map)}"] if by_map else []
    return [*told, f"fill in {_names(by_hand)} first"] if by_hand else told


def _is_address(shown: str) -> bool:
    try:
        literal(shown)
    except ValueError:
        return False
    return True


def _names(variables: Sequence[str]) -> str:
    shown = ", ".join(variables[:_NAMED])
    return f"{shown} and {len(variables) - _NAMED} more" if len(variables) > _NAMED else shown

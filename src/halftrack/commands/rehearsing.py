"""``fix --rehearse``: the plan on a copy of a part of its table."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from halftrack.commands import output
from halftrack.errors import HalftrackError, Incomplete

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.commands.options import Options
    from halftrack.plans.document import Plan
    from halftrack.plans.rehearsal import Rehearsal


def run(plan: Plan, given: Options, again: str | None, *, lasting: bool, unmanaged: bool) -> int:
    """Print the report, and where nothing speaks against the plan ``again``, the command for real.

    Raises Incomplete where something does, HalftrackError.
    """
    from halftrack.changes.rehearsal import rehearsing  # noqa: PLC0415  # heavy

    if not plan.steps:
        output.message("nothing to do, and so nothing to rehearse", given)
        return 0
    if plan.variables:
        names = ", ".join(sorted(plan.variables))
        raise Incomplete(f"masked addresses have to be filled in first (--fill): {names}")

    def told(text: str) -> None:
        if sys.stderr.isatty() and not given.document:
            output.message(text, given)

    refused = tuple(dict.fromkeys(_refused(plan, lasting=lasting, unmanaged=unmanaged)))
    found = rehearsing.rehearse(plan, refused=refused, told=told)
    output.write(_shown(found, given, again if found.holds else None))
    if not found.holds:
        more = f", and {len(found.against) - 1} more" if len(found.against) > 1 else ""
        raise Incomplete(f"the rehearsal speaks against it: {found.against[0]}{more}")
    return 0


def _refused(plan: Plan, *, lasting: bool, unmanaged: bool) -> Iterator[str]:
    """Why ``fix`` would not begin here now."""
    from halftrack.changes import admission, checking, trial  # noqa: PLC0415  # likewise

    try:
        trial.refuse_beside()
        if not unmanaged:
            admission.unowned(plan)
    except HalftrackError as error:
        yield str(error)
    yield from checking.check(plan, lasting=lasting).refused


def _shown(found: Rehearsal, given: Options, again: str | None) -> bytes:
    if given.document:
        return output.document(found, given)
    from halftrack.reporters import rehearsal  # noqa: PLC0415  # only text needs it

    return output.screen(rehearsal.render, found, given, again=again)

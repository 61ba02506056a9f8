"""What the commands on changes have in common: options that are not theirs, whom they ask, their answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from halftrack.commands import output
from halftrack.errors import UsageError

if TYPE_CHECKING:
    from halftrack.changes.folding import Folded
    from halftrack.commands.options import Options
    from halftrack.plans.change import Change


def refuse_looking(given: Options, verb: str) -> None:
    """Raise UsageError for options that would have somebody believe it were about something else."""
    if str(given.root) != "/" or given.assume:
        raise UsageError(f"--root and --assume are for looking: {verb} is about the running node")
    if given.netns is not None:
        raise UsageError(f"--netns is for looking and planning: {verb} goes where the change was made")


def nobody_answers(given: Options) -> bool:
    """Whether a question would find nobody to answer it, or one who wants to be asked nothing."""
    return given.no_input or not sys.stdin.isatty()


def report(folded: Folded, given: Options, text: str = "") -> None:
    """What became of a change: as a document where that was asked for, else ``text``, unless quiet."""
    if given.document:
        from halftrack.changes import showing  # noqa: PLC0415  # only JSON needs it

        document(given, showing.show(folded))
    elif not given.quiet:
        output.report(text.encode())


def document(given: Options, *changes: Change) -> None:
    """Changes as JSON; without any, that there was nothing to do."""
    from halftrack.plans.change import Changes  # noqa: PLC0415  # as above

    output.report(output.document(Changes(changes=changes), given))

"""``halftrack changes``: what was changed, by whom, and whether it still holds."""

from __future__ import annotations

import click

from halftrack.commands import changed, options, output
from halftrack.errors import Busy, HalftrackError, Incomplete


@click.command(
    "changes",
    help="Lists what was changed, newest first: when, by whom, and whether it still holds; of CHANGE,"
    " every single step. A change on trial that is overdue is undone first.",
)
@click.argument("number", metavar="[CHANGE]", type=click.IntRange(1), required=False)
@options.shared(*options.DOCUMENT, "quiet")
@click.pass_context
def command(context: click.Context, *, number: int | None) -> int:
    given = options.given(context)
    changed.refuse_looking(given, "changes")
    from halftrack.changes import journal, showing  # noqa: PLC0415  # after the words are read
    from halftrack.plans.change import Changes  # noqa: PLC0415  # likewise

    notes = _finish_overdue()
    damaged: list[str] = []
    found = [journal.find(number)[1]] if number is not None else [one for _, one in journal.every(damaged)]
    shown = tuple(showing.show(one) for one in found)
    notes = list(dict.fromkeys((*notes, *damaged)))
    if given.document:
        output.write(output.document(Changes(changes=shown, notes=tuple(notes)), given))
        return Incomplete.exit_code if damaged else 0
    from halftrack.reporters import changes  # noqa: PLC0415  # only text needs it

    for note in notes:
        output.complain(note)
    if not shown and not damaged:
        output.message("nothing was changed so far", given)
    output.write((changes.one(shown[0]) if number is not None else changes.listed(shown)).encode())
    return Incomplete.exit_code if damaged else 0


def _finish_overdue() -> list[str]:
    """Whoever may only look is told what is overdue."""
    from halftrack.changes import journal, lock, trial  # noqa: PLC0415  # as above

    overdue = [one.number for _, one in journal.every(damaged=[]) if trial.is_overdue(one)]
    if not overdue:
        return []
    try:
        with lock.held():
            return trial.finish_overdue()
    except Busy:
        raise
    except HalftrackError as error:
        return [f"change {', '.join(map(str, overdue))} is overdue and could not be undone: {error}"]

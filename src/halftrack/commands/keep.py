"""``halftrack keep``: a change on trial stays."""

from __future__ import annotations

from typing import Final

import click

from halftrack.commands import changed, options, output
from halftrack.errors import UsageError

_PATIENCE_S: Final = 10.0
"""A trial is not to be lost because something short is at work."""


@click.command(
    "keep",
    help="Keeps CHANGE, the last one on trial if none is named: it is not undone any more, and what makes"
    " it hold over a reboot is written now. Type it over a connection that was opened after the change:"
    " that the node can still be reached is what it says.",
)
@click.argument("number", metavar="[CHANGE]", type=click.IntRange(1), required=False)
@options.shared(*options.DOCUMENT, "quiet")
@click.pass_context
def command(context: click.Context, *, number: int | None) -> int:
    given = options.given(context)
    changed.refuse_looking(given, "keep")
    from halftrack.changes import journal, keeping, lock, trial  # noqa: PLC0415  # after the words are read
    from halftrack.changes.stopping import Stopping  # noqa: PLC0415  # likewise

    with lock.held(_PATIENCE_S), Stopping():
        for line in trial.finish_overdue():
            output.complain(line)
        if number is None:
            number = next((one.number for _, one in journal.every(damaged=[]) if one.on_trial), None)
            if number is None:
                raise UsageError("no change is on trial; halftrack changes lists what there was")
        change, folded = journal.find(number)
        how = keeping.keep(change, folded)
        kept = change.folded()
    lasts = "It holds over a reboot." if kept.persisted else "A reboot undoes it."
    changed.report(kept, given, f"Change {number} kept. {lasts}\n")
    output.message(f"kept: {how}", given)
    return 0

"""``halftrack undo``: what a change replaced, put back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from halftrack.commands import changed, options, output
from halftrack.errors import Incomplete, OutputFailed, UsageError

if TYPE_CHECKING:
    from halftrack.changes.folding import Folded
    from halftrack.changes.journal import Journal
    from halftrack.changes.undo import Taking
    from halftrack.commands.options import Options


@click.command(
    "undo",
    help="Puts back exactly what CHANGE replaced, the last one that is in force if none is named, in"
    " reverse order. Where somebody else has changed it since, that is said and nothing is touched."
    " Drained entries do not come back: of them there is a file for conntrack -R.",
)
@click.argument("number", metavar="[CHANGE]", type=click.IntRange(1), required=False)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Put it back also where somebody else has changed it since.")
@options.shared(*options.DOCUMENT, "quiet", "no_input")
@click.pass_context
def command(context: click.Context, *, number: int | None, yes: bool, force: bool) -> int:
    given = options.given(context)
    changed.refuse_looking(given, "undo")
    from halftrack.changes import lock, trial, undo, who  # noqa: PLC0415  # after the words are read
    from halftrack.changes.stopping import Stopping  # noqa: PLC0415  # likewise

    with lock.held():
        for line in trial.finish_overdue():
            output.complain(line)
    journal, folded = _meant(number)
    if folded.undone and not folded.standing:
        output.message(f"change {folded.number} is undone already", given)
        changed.report(folded, given)
        return 0
    if folded.drained and not folded.standing:
        raise Incomplete(
            f"drained entries do not come back; conntrack puts in again what it can: {_put_back(folded)}"
        )
    if not yes and changed.nobody_answers(given):
        raise UsageError("undo asks first, and nobody can answer here: add --yes")
    if not force:
        undo.refuse(folded)
    _ask(folded, given, yes=yes)
    with lock.held(), Stopping():
        taking = undo.undo(journal, who.asks(), "asked for", force=force)
        trial.disarm(folded)
    _report(journal, folded, taking, given)
    return 0


def _meant(number: int | None) -> tuple[Journal, Folded]:
    """The change that was named, or the last one in force: where that is surely it."""
    from halftrack.changes import journal  # noqa: PLC0415  # as above

    if number is not None:
        return journal.find(number)
    last = next((one for one in journal.every() if one[1].standing and not one[1].undone), None)
    if last is None:
        raise UsageError("there is no change that could be undone")
    return last


def _report(journal: Journal, folded: Folded, taking: Taking, given: Options) -> None:
    for title in taking.gone:
        output.message(f"{title}: its place is gone, there was nothing to undo", given)
    if folded.drained:
        output.message(
            f"{folded.drained:,} drained entries do not come back;"
            f" conntrack puts in again what it can: {_put_back(folded)}",
            given,
        )
    if taking.unnoted:
        raise Incomplete(f"change {folded.number} is undone, but {'; '.join(taking.unnoted)}")
    changed.report(journal.folded(), given, f"Change {folded.number} undone.\n")


def _put_back(folded: Folded) -> str:
    """The commands, each for its namespace; the file alone where no way into that is known."""
    from halftrack.changes import showing  # noqa: PLC0415  # as above

    return "; ".join(
        each.put_back or f"{each.file} in {each.netns}, which is not found now"
        for each in showing.drained_files(folded)
    )


def _ask(folded: Folded, given: Options, *, yes: bool) -> None:
    from halftrack.changes import showing  # noqa: PLC0415  # as above
    from halftrack.reporters import changes  # noqa: PLC0415  # likewise

    document = given.document
    if yes and (given.quiet or document):
        return
    text = changes.one(showing.show(folded))
    try:
        if document:
            for line in text.splitlines():
                output.show(line)
        else:
            output.offer(text.encode(), "nothing was undone")
    except OutputFailed:
        if not yes:
            raise  # else a way back is not to be lost with its description
    if not yes and not click.confirm("Put back what was there before?", default=False, err=True):
        output.message("nothing was undone", given)
        raise click.Abort

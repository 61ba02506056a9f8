"""``halftrack drain FILTER…``: matching entries given less time or removed, by proof of death."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import changed, completing, options, output
from halftrack.commands.durations import seconds
from halftrack.diagnosis import filters
from halftrack.diagnosis.words import percent
from halftrack.errors import INTERRUPTED, HalftrackError, Incomplete, UsageError
from halftrack.evidence.values import ALL, SELF

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.changes.drain.looking import Looked
    from halftrack.commands.options import Options
    from halftrack.diagnosis.filters import Filter
    from halftrack.draining.judging import Judgement
    from halftrack.draining.outcome import Document, Outcome, Preview

_MOST: Final = 1 << 31
_TYPED_SHARE: Final = 0.1
"""Of a table: from there on the number has to be typed."""
_TOLERANCE: Final = 0.01
"""By so much ``--expect`` may differ: a table in use moves between two commands."""


@click.command(
    "drain",
    help="Gives the entries that FILTER takes less time, each by what is known of it: a minute where its"
    " owner has no socket for it any more, never less than 2 h 4 min where it may live. Connections being"
    " opened are never touched. FILTER is what `list` takes. Ctrl-Z pauses, fg goes on, Ctrl-C stops"
    " between two batches; the same command goes on with what is left. What is drained does not come back:"
    " a file for conntrack -R is kept.",
)
@click.argument("words", metavar="FILTER...", nargs=-1, shell_complete=completing.terms)
@click.option("--to", metavar="TIME", help="Leave more than that, e.g. 10m; never less.")
@click.option("--delete", is_flag=True, help="Remove at once what is proven dead; leave all else alone.")
@click.option("--rate", metavar="N", type=click.IntRange(1, _MOST), help="At most N entries a second.")
@click.option("--batch", metavar="N", type=click.IntRange(1, 1_000_000), help="Entries between two looks.")
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--expect", metavar="N", type=click.IntRange(0, _MOST), help="With --yes: if it is N entries.")
@options.shared(*options.DOCUMENT, "netns", "quiet", "no_input")
@click.pass_context
def command(
    context: click.Context,
    *,
    words: tuple[str, ...],
    to: str | None,
    rate: int | None,
    batch: int | None,
    expect: int | None,
    delete: bool,
    dry_run: bool,
    yes: bool,
) -> int:
    given = options.given(context)
    wanted = filters.parse(words)
    _check(wanted, given, to=to, expect=expect, yes=yes, delete=delete)
    from halftrack.changes.drain import looking  # noqa: PLC0415  # for those who get so far
    from halftrack.draining.fates import Wish  # noqa: PLC0415  # likewise

    wish = Wish("delete" if delete else "retime", None if to is None else seconds("--to", to))
    looked = looking.look(wanted, wish, _netns(wanted, given))
    shown = _preview(looked, wanted)
    _show(shown, given)
    if dry_run or not shown.changed:
        _print(looked, shown, None, given)
        return _nothing(looked.judgement, expect, given) if not dry_run else 0
    _agree(looked.judgement, given, yes=yes, expect=expect)
    return _drain(looked, wanted, shown, given, rate=rate, batch=batch)


def _check(
    wanted: Filter, given: Options, *, to: str | None, expect: int | None, yes: bool, delete: bool
) -> None:
    """Raise UsageError where words and options do not go together."""
    if not wanted.terms:
        raise UsageError("drain wants to be told which entries: halftrack drain one-sided service=tcp/80")
    if delete and to is not None:
        raise UsageError("--delete removes, --to leaves time: choose one")
    if expect is not None and not yes:
        raise UsageError("--expect N goes with --yes; without, the number is asked for")
    if str(given.root) != "/":
        raise UsageError("--root is for looking: drain changes the running node")
    if given.assume:
        raise UsageError("--assume is for what a file does not say: drain reads the running node")


def _netns(wanted: Filter, given: Options) -> str:
    """The one namespace that is meant: as named, or our own."""
    if given.netns is not None:
        if given.netns == ALL:
            raise UsageError("drain changes one namespace at a time: name it with --netns")
        return given.netns
    name = wanted.named("netns")
    if name is not None and name != ALL:
        return name
    if wanted.uses("netns"):
        raise UsageError("drain changes one namespace at a time: write netns=NAME")
    return SELF


def _preview(looked: Looked, wanted: Filter) -> Preview:
    from halftrack.draining import outcome  # noqa: PLC0415  # loads msgspec

    judgement = looked.judgement
    return outcome.preview(judgement, str(wanted), notes=tuple(_notes(looked)))


def _notes(looked: Looked) -> Iterator[str]:
    for term, entries in looked.untold.items():
        yield f"{term}: the table does not tell this of {entries:,} entries, which are left out"
    yield from looked.notes


def _show(shown: Preview, given: Options) -> None:
    """What would be done, to whoever decides: it is the answer of a dry run alone."""
    if given.document:
        return
    from halftrack.reporters import draining  # noqa: PLC0415  # only text needs it

    output.offer(draining.preview(shown).encode(), "nothing was drained")


def _nothing(judgement: Judgement, expect: int | None, given: Options) -> int:
    """Nothing may be changed: whether that is well, or a refusal."""
    from halftrack.draining.fates import MEANINGS, REFUSED  # noqa: PLC0415  # after numpy and polars

    refused = {fate: n for fate, n in judgement.counts().items() if fate in REFUSED}
    if refused:
        what = "; ".join(f"{n:,} {MEANINGS[fate]}" for fate, n in refused.items())
        raise Incomplete(f"refused: {what}")
    if expect:
        raise Incomplete(f"--expect {expect}: it is none now")
    output.message("nothing to drain", given)
    return 0


def _agree(judgement: Judgement, given: Options, *, yes: bool, expect: int | None) -> None:
    """Return where somebody agreed. Raises UsageError, Incomplete, Abort."""
    number = judgement.changed
    typed = judgement.share > _TYPED_SHARE or judgement.assured > 0
    why = (
        f"{judgement.assured:,} of them assured"
        if judgement.assured
        else f"{percent(judgement.share)} of the table"
    )
    if expect is not None:
        if abs(number - expect) > expect * _TOLERANCE:
            raise Incomplete(f"--expect {expect}: it is {number:,} entries now; nothing was drained")
        return
    if yes:
        if typed:
            raise UsageError(f"{number:,} entries, {why}: that takes --yes --expect {number}")
        return
    if changed.nobody_answers(given):
        wanted = f"--yes --expect {number}" if typed else "--yes"
        raise UsageError(f"drain asks first, and nobody can answer here: add {wanted}")
    _ask(number, why if typed else None)


def _ask(number: int, why: str | None) -> None:
    sys.stderr.write("This cannot be undone; what is drained is kept as a file for conntrack -R.\n")
    if why is None:
        if not click.confirm(f"Drain {number:,} entries?", default=False, err=True):
            sys.stderr.write("Nothing was drained.\n")
            raise click.Abort
        return
    answer = click.prompt(
        f"{number:,} entries, {why}. Type the number to go on", default="", show_default=False, err=True
    )
    if str(answer).replace(",", "").strip() != str(number):
        raise Incomplete("that is not the number: nothing was drained")


def _drain(
    looked: Looked, wanted: Filter, shown: Preview, given: Options, *, rate: int | None, batch: int | None
) -> int:
    from halftrack.changes.drain import acting, journaled, rereading  # noqa: PLC0415  # heavy
    from halftrack.changes.drain.reins import Reins  # noqa: PLC0415  # likewise
    from halftrack.commands.progress import Bar  # noqa: PLC0415  # for those who change something
    from halftrack.draining.outcome import Outcome  # noqa: PLC0415  # likewise

    outcome = Outcome()
    failed: HalftrackError | None = None
    size = batch
    if rate is not None:
        size = min(batch or rereading.BATCH, max(1, rate // 4))
    with Reins(rate) as reins, Bar("draining", shown.changed, given) as bar:
        try:
            with journaled.change(looked, wanted, outcome, output.complain) as directory:
                acting.drain(looked, wanted, directory, outcome, reins, batch=size, told=bar.show)
        except HalftrackError as error:
            failed = error
    _print(looked, shown, outcome, given)
    if failed is not None:
        raise failed
    if outcome.stopped:
        return INTERRUPTED
    if outcome.refused:
        raise Incomplete(f"the kernel refused {outcome.refused:,} entries")
    return 0


def _print(looked: Looked, shown: Preview, outcome: Outcome | None, given: Options) -> None:
    if given.document:
        from halftrack.draining import outcome as outcomes  # noqa: PLC0415  # likewise

        document: Document = outcomes.Document(node=looked.evidence.node, preview=shown, outcome=outcome)
        output.report(output.document(document, given))
    elif outcome is not None:
        from halftrack.reporters import draining  # noqa: PLC0415  # only text needs it

        output.report(draining.report(outcome).encode())

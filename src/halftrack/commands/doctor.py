"""``halftrack doctor [SOURCE…]``: examine, explain, recommend."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from halftrack import __version__
from halftrack.commands import completing, durations, last_screen, options, output, since
from halftrack.commands.repeating import again
from halftrack.commands.sources import evidence
from halftrack.diagnosis import COLUMNS, examine
from halftrack.diagnosis.since.columns import COLUMNS as IDENTITY
from halftrack.errors import ReadAlone, UsageError
from halftrack.evidence.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.commands.options import Options
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.diagnosis.since.comparing import Earlier
    from halftrack.evidence.values import Evidence

_CODES: Final = {"warning": 1, "critical": 2}
_INCOMPLETE: Final = 3


@click.command(
    "doctor",
    help="Examines this node, or the tables in SOURCE (files, directories of them, or - for standard input;"
    " a bundle of collect; an sos report or what commands printed, as a tar archive or a directory):"
    " what is stuck, whose it is, since when, when the table is full, and what to do."
    " Changes nothing. Exit code 0: ok, 1: warning, 2: critical, 3: too little was seen to say ok.",
)
@click.argument("sources", metavar="[SOURCE]...", nargs=-1, shell_complete=completing.files)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "ticket", "html"]),
    default="text",
    show_default=True,
    help="What to print. ticket: a reply to whoever sent it, at most 60 lines, each claim with its source."
    " html: one page that needs nothing else.",
)
@click.option(
    "--listen",
    metavar="TIME",
    help="Also hear for so long which entries begin, e.g. 30s: what is picked up in mid-stream, by whom.",
)
@click.option(
    "--sources",
    "origins",
    is_flag=True,
    help="Also show where each number was read: file and line, or what was asked.",
)
@click.option(
    "--since",
    "others",
    metavar="OTHER",
    multiple=True,
    shell_complete=completing.files,
    help="Another moment of the same node, any such SOURCE; may be given several times. What is new since,"
    " what stayed and what left, how fast it grows by measure, which settings and rules changed. Of all"
    " the latest is examined, however they are named.",
)
@click.option("--exit-zero", is_flag=True, help="Exit code 0 whatever was found.")
@click.option("--example", is_flag=True, help="Show it at work on the case that Halftrack was made for.")
@options.shared(*options.DOCUMENT, *options.LOOKING, *options.SCREEN, "quiet")
@click.pass_context
def command(
    context: click.Context,
    sources: tuple[str, ...] = (),
    form: str = "text",
    others: tuple[str, ...] = (),
    listen: str | None = None,
    *,
    origins: bool = False,
    exit_zero: bool = False,
    example: bool = False,
) -> int:
    given = options.given(context)
    if example and (sources or others):
        raise UsageError("--example is a SOURCE of its own: leave the others out")
    listen_s = None if listen is None else _listening(listen, given, sources, example=example)
    shown_of = sources
    if example:
        with as_file(files("halftrack").joinpath("examples", "founding.txt")) as path:
            found = diagnosed([str(path)], given, None)
        going_on, shown_of = GoingOn(again("doctor", (), given, "--example")), ("the example",)
    elif others:
        found, shown_of = _since(sources, others, given, listen_s)
        going_on = _going_on(sources, given, listen, others, latest=shown_of)
    else:
        try:
            found = diagnosed(sources, given, listen_s)
        except ReadAlone as error:
            raise ReadAlone(f"{error}{_compared(sources, given)}") from error
        going_on = _going_on(sources, given, listen)
    output.write(shown(found, form, given, going_on, origins=origins))
    if form == "ticket":
        from halftrack.reporters import ticket  # noqa: PLC0415  # seldom wanted

        for command in ticket.attached(found, program=output.program(), planned=going_on.planned):
            output.message(f"to go with it: {command}", given)
    if not _wants_json(form, given) and output.is_looked_at():
        last_screen.remember(found, shown_of, given.netns)
    return 0 if exit_zero else exit_code(found)


def _compared(sources: Sequence[str], given: Options) -> str:
    """What to type where these are moments of one node; of all the latest is examined."""
    others = [f"--since={each}" for each in sources[1:]]
    typed = again("doctor", sources[:1], given, words=others) if "-" not in sources else None
    return f"; moments of one node are compared by: {typed or 'doctor SOURCE --since OTHER'}"


def exit_code(found: Diagnosis) -> int:
    """By what was found; not by what went wrong."""
    return _CODES.get(found.severity, 0 if found.complete else _INCOMPLETE)


def _listening(text: str, given: Options, sources: Sequence[str], *, example: bool) -> int:
    """Seconds. Raises UsageError where there is nothing to hear."""
    if sources or example or given.root != Path("/"):
        raise UsageError("--listen is for the live node: a file says nothing more")
    return durations.listening(text)


def diagnosed(
    sources: Sequence[str], given: Options, listen_s: int | None, netns: str | None = None
) -> Diagnosis:
    """``netns``: where ``--netns`` does not say; None: whatever is worth it. Raises HalftrackError."""
    return _judged(seen(sources, given, listen_s, netns))


def _since(
    sources: Sequence[str], others: Sequence[str], given: Options, listen_s: int | None
) -> tuple[Diagnosis, tuple[str, ...]]:
    """The latest moment, compared with the earlier ones, and which of the sources it is."""

    def read(named: Sequence[str], told: Options) -> Evidence:
        return seen(named, told, None if named else listen_s, columns=COLUMNS | IDENTITY)

    last = since.latest(sources, others, given, read)
    return _judged(last.evidence, last.earlier), last.sources


def _judged(found: Evidence, earlier: Earlier | None = None) -> Diagnosis:
    from halftrack.remedies import advise  # noqa: PLC0415  # after the dump has begun

    judged = examine(found, earlier)
    return advise(judged.diagnosis, found, judged.cases)


def seen(
    sources: Sequence[str],
    given: Options,
    listen_s: int | None,
    netns: str | None = None,
    columns: frozenset[str] = COLUMNS,
) -> Evidence:
    """All that ``diagnosed`` goes by. ``columns``: those of the entries that are wanted."""
    return evidence(
        sources,
        given,
        netns=netns,
        selection=Selection(columns=columns),
        in_depth=True,
        listen_s=listen_s,
    )


@dataclass(frozen=True, slots=True)
class GoingOn:
    """Commands that go on from a screen: see ``reporters.layout.Page``."""

    again: str | None
    planned: str | None = None
    fixed: str | None = None


def _going_on(
    sources: Sequence[str],
    given: Options,
    listen: str | None,
    others: Sequence[str] = (),
    *,
    latest: Sequence[str] | None = None,
) -> GoingOn:
    """``latest``: the source that is examined, where it may be one of the ``others``."""
    examined = sources if latest is None else latest
    origins = [f"--from={source}" for source in examined]
    running = not examined and given.root == Path("/") and output.is_terminal()
    words = [f"--listen={listen}"] if listen else []
    words += [f"--since={other}" for other in others]
    return GoingOn(
        again("doctor", sources, given, words=words) if "-" not in others else None,
        again("plan", (), given, *origins) if "-" not in examined else None,
        again("fix", (), given) if running else None,
    )


def _wants_json(form: str, given: Options) -> bool:
    return form == "json" or given.document


def shown(found: Diagnosis, form: str, given: Options, going_on: GoingOn, *, origins: bool = False) -> bytes:
    """As a screen or a document, for stdout as it is. ``origins``: with where each number was read."""
    if _wants_json(form, given):
        return output.document(found, given)
    if form == "ticket":
        from halftrack.reporters import ticket  # noqa: PLC0415  # seldom wanted

        return ticket.render(found, planned=going_on.planned).encode("ascii")
    if form == "html":
        from halftrack.reporters import html  # noqa: PLC0415  # seldom wanted

        made_by = f"Halftrack {__version__}"
        return html.render(found, planned=going_on.planned, made_by=made_by).encode()
    from halftrack.reporters import terminal  # noqa: PLC0415  # not wanted for JSON

    return output.screen(
        terminal.render,
        found,
        given,
        terminal=output.is_terminal(),
        again=going_on.again,
        planned=going_on.planned,
        fixed=going_on.fixed,
        program=output.program(),
        sources=origins,
    )

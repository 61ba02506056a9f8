"""``halftrack check``: one line and an exit code for Nagios, Icinga and their kin."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import durations, options, output
from halftrack.errors import UsageError
from halftrack.reporters import plugin, ranges

if TYPE_CHECKING:
    from halftrack.commands.options import Options
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.reporters.ranges import Range

_TIMEOUT: Final = "10s"
_FRESH: Final = "5m"


@click.command(
    "check",
    help="Scans this node, or with --last reads what `halftrack export` last found, and prints one line with"
    " performance data. Exit code 0: OK, 1: WARNING, 2: CRITICAL, 3: UNKNOWN, for whatever goes wrong, too."
    " Without -w and -c the doctor's judgement counts; with them what --of names beyond a RANGE:"
    " 80 (0 to 80 is well), 3600: (from 3600 on is well), ~:5, @10:20 (10 to 20 is not).",
)
@click.option("-w", "--warning", metavar="RANGE", help="WARNING where the value is out of it.")
@click.option("-c", "--critical", metavar="RANGE", help="CRITICAL where the value is out of it.")
@click.option(
    "--of",
    "measure",
    type=click.Choice(ranges.MEASURES),
    default="used",
    show_default=True,
    help="used: percent of its limit that the node's table holds. fullest: the same of the fullest table."
    " stuck: entries that are dead and stay. full-in: seconds until the first table is full.",
)
@click.option(
    "--last",
    metavar="[AGE]",
    is_flag=False,
    flag_value=_FRESH,
    help="Read /run/halftrack/last.json instead, with --root below it, if it is no older than that (without a"
    f" value {_FRESH}); it takes no rights but to read it.",
)
@click.option(
    "-t", "--timeout", metavar="TIME", default=_TIMEOUT, show_default=True, help="UNKNOWN after that time."
)
@options.shared("netns", "root", "budget")
@click.pass_context
def command(  # noqa: PLR0917  # click passes them by name
    context: click.Context,
    warning: str | None,
    critical: str | None,
    measure: str,
    last: str | None,
    timeout: str,
) -> int:
    given = options.given(context)
    limit_s = durations.seconds("--timeout", timeout, example=_TIMEOUT)
    watch = threading.Timer(limit_s, _late, (limit_s,))
    watch.daemon = True
    watch.start()
    from halftrack.reporters import nagios  # noqa: PLC0415  # --help needs none of it

    limits = ranges.Limits(measure, _range("-w", warning), _range("-c", critical))  # type: ignore[arg-type]  # click's choice
    code, line = nagios.check(_found(given, last), limits)
    watch.cancel()
    output.write(f"{line}\n".encode())
    return code


def _found(given: Options, last: str | None) -> Diagnosis:
    """The document to judge by. Raises HalftrackError."""
    if last is not None:
        from halftrack.commands import last_document  # noqa: PLC0415  # as above

        if given.document or given.netns is not None or given.assume:
            raise UsageError("--last reads what export found: --netns, --assume and --json are beside it")
        return last_document.read(durations.seconds("--last", last, example=_FRESH), given.root)
    from halftrack.commands import scanning  # noqa: PLC0415  # likewise

    scanning.check_options(given)
    return scanning.scan(given).diagnosis


def _range(option: str, text: str | None) -> Range | None:
    if text is None:
        return None
    try:
        return ranges.parsed(text)
    except ValueError:
        raise UsageError(f"{option} {text!a}: write a range as 80, 10:, ~:5, 10:20 or @10:20") from None


def _late(limit_s: int) -> None:
    """In a thread of its own: the scan may be stuck in the kernel."""
    output.complain(f"no answer within {limit_s} s")
    os._exit(plugin.UNKNOWN)

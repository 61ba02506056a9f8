"""``halftrack lab [SCENARIO]``: a known trouble reproduced in scratch namespaces, and what doctor says."""

from __future__ import annotations

import contextlib
import math
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from halftrack.commands import completing, doctor, durations, options, output
from halftrack.diagnosis import words
from halftrack.errors import PermissionMissing, UsageError
from halftrack.kernel import privileges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import FrameType

    from halftrack.commands.options import Options
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.lab.parameters import Parameters
    from halftrack.lab.place import Place
    from halftrack.lab.scenario import Scenario
    from halftrack.reporters.layout import Page

_LIST: Final = "list"
_STANDING: Final = "Left standing: "
_SECONDS: Final = "60s"
_LONGEST_S: Final = 600
_CAUSES: Final = 3
_MOST_BESIDE: Final = 1_000
_LEAST_LOAD: Final = 0.1
_MOST_LOAD: Final = 10


@click.command(
    "lab",
    short_help="A known trouble reproduced in scratch namespaces.",
    help="Reproduces SCENARIO on this kernel: a client, a router that tracks and a server, each a network"
    " namespace of its own, with real connections between them. Says what it does, step by step, and then"
    " what the doctor finds there. Nothing of this node is changed and no packet leaves the namespaces; they"
    " are gone afterwards. Without SCENARIO, or with `list`: the list of them.",
)
@click.argument("scenario", required=False, shell_complete=completing.scenarios)
@click.option(
    "--as-founded",
    is_flag=True,
    help="Keep one-sided entries for five days, as kernels before 3.11 did.",
)
@click.option(
    "--beside",
    metavar="N",
    type=click.IntRange(0, _MOST_BESIDE),
    default=0,
    help="N healthy connections that talk beside the trouble.",
)
@click.option("--ipv6", is_flag=True, help="IPv6 in place of IPv4.")
@click.option(
    "--keep", is_flag=True, help="Leave the namespaces standing, and say how to look and to remove."
)
@click.option(
    "--load",
    metavar="N",
    type=click.FloatRange(_LEAST_LOAD, _MOST_LOAD),
    default=1.0,
    help="N times as many connections, packets and entries.",
)
@click.option(
    "--seconds",
    metavar="TIME",
    default=_SECONDS,
    show_default=True,
    help="How long the trouble may take to come about.",
)
@options.shared
@click.pass_context
def command(
    context: click.Context,
    scenario: str | None = None,
    seconds: str = _SECONDS,
    *,
    as_founded: bool = False,
    beside: int = 0,
    load: float = 1.0,
    ipv6: bool = False,
    keep: bool = False,
) -> int:
    from halftrack import lab  # noqa: PLC0415  # --help needs none of it
    from halftrack.lab.parameters import Parameters  # noqa: PLC0415  # nor this

    given = options.given(context)
    within_s = durations.seconds("--seconds", seconds, _LONGEST_S)
    if math.isnan(load):
        raise UsageError(f"--load nan: write a number of {_LEAST_LOAD:g} to {_MOST_LOAD}")
    if given.netns is not None or given.root != Path("/") or given.assume:
        raise UsageError("the lab has namespaces of its own: leave --netns, --root and --assume out")
    if scenario is None or scenario == _LIST:
        output.write(_listed(lab.SCENARIOS, given))
        return 0
    chosen = lab.find(scenario)
    lacking = privileges.missing(privileges.TO_ENTER_OTHERS + privileges.TO_READ_OWN)
    if os.geteuid() or lacking:
        needed = f" ({', '.join(lacking)})" if lacking else ""
        raise PermissionMissing(f"the lab makes network namespaces: it needs root{needed}")
    parameters = Parameters(ipv6=ipv6, founded=as_founded, load=load, background=beside, seconds=within_s)
    _play(chosen, given, parameters, keep=keep)
    return 0


def _play(chosen: Scenario, given: Options, parameters: Parameters, *, keep: bool) -> None:
    from halftrack import lab  # noqa: PLC0415  # --help needs none of it

    tell = _teller(given)
    with _ended_by_signals(), lab.staged(chosen, tell, parameters) as scene:
        tell("the doctor looks at the router:")
        found = doctor.diagnosed([], given, None, netns=scene.net.router.path)
        places = tuple(scene.net.places) if keep else ()
        if keep:
            scene.leave_standing()
        output.write(_shown(chosen, found, given, places))


def _teller(given: Options) -> Callable[[str], None]:
    """Each step as it is done: part of the answer, but beside the one document that JSON is."""
    number = 0

    def tell(text: str) -> None:
        nonlocal number
        number += 1
        if not given.json and not given.jsonl:
            output.write(_lines(_page().wrap(text, f"{number:>2}  ")))
        elif not given.quiet:
            output.show(f"{number:>2}  {text}")

    return tell


def _shown(chosen: Scenario, found: Diagnosis, given: Options, kept: tuple[Place, ...]) -> bytes:
    if given.json or given.jsonl:
        from halftrack.reporters import json  # noqa: PLC0415  # needs msgspec

        document = {"scenario": chosen.name, "cause": chosen.cause, "diagnosis": found}
        text = json.compact(document) if given.jsonl else json.pretty(document)
        for line in _left_standing(kept):
            output.show(line)
        return text
    text = b"\n" + doctor.shown(found, "text", given, doctor.GoingOn(None)) + b"\n"
    return text + _lines((*_compared(chosen, found), *_left_standing(kept)))


def _compared(chosen: Scenario, found: Diagnosis) -> list[str]:
    """What was shown, and which causes the doctor weighs for what it has found: in numbers as few as here
    the screen above may leave them out.
    """
    lines = [f"Shown   {chosen.cause}"]
    for finding in found.findings:
        if finding.causes:
            causes = ", ".join(f"{cause.cause} {cause.confidence:g}" for cause in finding.causes[:_CAUSES])
            entries = words.count(finding.entries, "entry", "entries")
            lines += _page().wrap(f"{finding.symptom}, {entries}: {causes}", "Weighed ")
    return lines if len(lines) > 1 else [*lines, f"Weighed nothing: {_why_nothing(found)}"]


def _why_nothing(found: Diagnosis) -> str:
    if found.findings:
        return "nothing of what was found has a cause to be weighed"
    left = sum(table.entries or 0 for table in found.tables)
    if left:
        return f"nothing was found among {words.count(left, 'entry', 'entries')}"
    return "nothing is left in the table"


def _left_standing(places: tuple[Place, ...]) -> list[str]:
    if not places:
        return []
    program = output.program()
    router = next(place for place in places if place.name == "lab-router")
    return [
        *_page().wrap(", ".join(f"{place.name} (process {place.pid})" for place in places), _STANDING, "  "),
        f"  look    {program} doctor --netns {router.path}",
        f"          {program} list --netns {router.path}",
        f"  remove  kill {' '.join(str(place.pid) for place in places)}",
    ]


def _listed(scenarios: tuple[Scenario, ...], given: Options) -> bytes:
    if given.json or given.jsonl:
        from halftrack.reporters import json  # noqa: PLC0415  # needs msgspec

        listed = [{"scenario": one.name, "cause": one.cause, "summary": one.summary} for one in scenarios]
        return json.compact({"scenarios": listed}) if given.jsonl else json.pretty({"scenarios": listed})
    page = _page()
    return _lines(line for one in scenarios for line in page.wrap(one.summary, f"  {one.name:<17} "))


def _page() -> Page:
    from halftrack.reporters.layout import Page  # noqa: PLC0415  # --help needs it not

    return Page(output.width(), output.wants_ascii())


def _lines(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


@contextlib.contextmanager
def _ended_by_signals() -> Iterator[None]:
    """SIGTERM and the loss of the terminal end it as Ctrl-C does: by the way out that removes everything."""

    def end(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {one: signal.signal(one, end) for one in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
        sys.stdout.flush()

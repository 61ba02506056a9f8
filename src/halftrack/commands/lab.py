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
from halftrack.errors import PermissionMissing, UsageError
from halftrack.kernel import privileges

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from types import FrameType

    from halftrack.commands.options import Options
    from halftrack.diagnosis.document import Diagnosis
    from halftrack.lab.parameters import Parameters
    from halftrack.lab.place import Place
    from halftrack.lab.scenario import Scenario
    from halftrack.reporters.layout import Page

_LIST: Final = "list"
_SECONDS: Final = "60s"
_LONGEST_S: Final = 600
_MOST_BESIDE: Final = 1_000
_LEAST_LOAD: Final = 0.1
_MOST_LOAD: Final = 10


@click.command(
    "lab",
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
@options.shared(*options.DOCUMENT, "budget", *options.SCREEN, "quiet")
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
        places = {each.name: each for each in scene.net.places} if keep else {}
        if keep:
            scene.leave_standing()
        output.write(_shown(chosen, found, given, places))


def _teller(given: Options) -> Callable[[str], None]:
    """Each step as it is done: part of the answer, but beside the one document that JSON is."""
    number = 0

    def tell(text: str) -> None:
        nonlocal number
        number += 1
        if not given.document:
            output.write(_lines(_page().wrap(text, f"{number:>2}  ")))
        elif not given.quiet:
            output.show(f"{number:>2}  {text}")

    return tell


def _shown(chosen: Scenario, found: Diagnosis, given: Options, kept: Mapping[str, Place]) -> bytes:
    from halftrack.reporters import lab  # noqa: PLC0415  # --help needs it not

    router = kept.get("lab-router")
    standing = [] if router is None else lab.left_standing([*kept.values()], router.path, _page())
    if given.document:
        for line in standing:
            output.show(line)
        return output.document(lab.document(chosen, found), given)
    text = b"\n" + doctor.shown(found, "text", given, doctor.GoingOn(None)) + b"\n"
    return text + _lines((*lab.compared(chosen, found, _page()), *standing))


def _listed(scenarios: Iterable[Scenario], given: Options) -> bytes:
    from halftrack.reporters import lab  # noqa: PLC0415  # --help needs it not

    if given.document:
        return output.document(lab.list_document(scenarios), given)
    return _lines(lab.listed(scenarios, _page()))


def _page() -> Page:
    from halftrack.reporters.layout import Page  # noqa: PLC0415  # --help needs it not

    return Page(output.width(), output.wants_ascii(), program=output.program())


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

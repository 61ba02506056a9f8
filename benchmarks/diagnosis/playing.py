"""One run: its scenarios played in scratch namespaces, the router examined, the answer written down."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from benchmarks.diagnosis import distracting, healthy, record
from halftrack import formats, lab, live
from halftrack.diagnosis import COLUMNS, diagnose
from halftrack.errors import HalftrackError
from halftrack.evidence.selection import Selection
from halftrack.formats import bundle, classic
from halftrack.lab.parameters import NETWORKS, Parameters
from halftrack.lab.scene import Scene

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.diagnosis.record import Record
    from benchmarks.diagnosis.situation import Situation
    from halftrack.evidence.values import Evidence
SECONDS: Final = 150.0
"""What a scenario may take on a machine that has other things to do."""
_APART: Final = 37
_AT_MOST_S: Final = 400
_LOOKS: Final = 3


def run(situation: Situation, kept: Path) -> Record:
    """``kept``: a directory for the evidence, as a bundle."""
    began = time.monotonic()
    try:
        with _bounded(), _played(situation) as router:
            evidence = _examined(router)
    except (HalftrackError, OSError, TimeoutError) as error:
        seconds = round(time.monotonic() - began, 1)
        return record.Record(
            situation=situation,
            truths=situation.truths,
            seconds=seconds,
            failed=f"{type(error).__name__}: {error}",
        )
    with _bundle(kept, situation).open("wb") as file:
        bundle.write(evidence, "benchmarks.diagnosis", file)
    return record.of(situation, time.monotonic() - began, diagnose(evidence))


def _examined(router: str) -> Evidence:
    """What the doctor reads; once more where it says itself that the time was up before it had seen all."""
    for _ in range(_LOOKS):
        evidence = live.examine(router, selection=Selection(columns=COLUMNS), in_depth=True)
        if not record.late(diagnose(evidence)):
            break
    return evidence


def from_bundle(before: Record, kept: Path) -> Record:
    """What the run's bundle says here, where nothing is left of its namespaces."""
    found = diagnose(formats.read([str(_bundle(kept, before.situation))]))
    return record.of(before.situation, before.seconds, found)


def from_text(before: Record, kept: Path) -> Record:
    """What the router's table as text says alone, as it is mailed in: no flags, settings, sockets, queues."""
    whole = formats.read([str(_bundle(kept, before.situation))])
    tables = [table.flows for table in whole.tables if table.flows is not None]
    text = "".join(f"{line}\n" for flows in tables for line in classic.lines(flows)).encode()
    if not text:
        return msgspec.structs.replace(before, findings=(), severity="ok")
    found = diagnose(formats.read(["-"], stdin=io.BytesIO(text)))
    return record.of(before.situation, before.seconds, found)


def _bundle(kept: Path, situation: Situation) -> Path:
    return kept / f"{situation.number}.tgz"


@contextlib.contextmanager
def _played(situation: Situation) -> Iterator[str]:
    """The path of the router's namespace while all of it stands."""
    parameters = Parameters(
        ipv6=situation.ipv6,
        port=situation.port,
        load=situation.load,
        background=situation.background,
        founded=situation.founded,
        counting=situation.counting,
        stamping=situation.stamping,
        network=_network(2 * situation.number),
        seconds=SECONDS,
    )
    with contextlib.ExitStack() as stack:
        first: Scene | None = None
        for name in situation.scenarios:
            chosen = healthy.KINDS.get(name) or lab.find(name)
            varied = parameters if first is None else _second(parameters, situation)
            if chosen.founded:
                varied = replace(varied, founded=True)
            scene = stack.enter_context(Scene(_quiet, varied, delay_s=chosen.delay_s, first=first))
            if first is None:
                distracting.distract(scene, situation.distraction)
            chosen.play(scene)
            first = first or scene
        assert first is not None  # noqa: S101  # a run has a scenario
        yield first.net.router.path


def _second(parameters: Parameters, situation: Situation) -> Parameters:
    """Of the trouble beside: addresses of its own, and no more healthy traffic than there is."""
    return replace(parameters, network=_network(2 * situation.number + 1), background=0)


def _network(number: int) -> int:
    """A server's address that no run beside this one has: the lab adds the number of its process.

    The number of the measurement's own process keeps two of them apart, as good as always.
    """
    return (number + _APART * os.getppid() - os.getpid()) % NETWORKS


def _quiet(_: str) -> None:
    """Nobody listens."""


@contextlib.contextmanager
def _bounded() -> Iterator[None]:
    """Whatever hangs ends in TimeoutError."""

    def end(*_: object) -> NoReturn:
        raise TimeoutError(f"it took more than {_AT_MOST_S} s")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(_AT_MOST_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)

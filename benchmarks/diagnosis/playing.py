"""One run: its scenarios played in scratch namespaces, the router examined, the answer written down."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NoReturn

from benchmarks.diagnosis import healthy, record
from halftrack import lab, live
from halftrack.diagnosis import diagnose
from halftrack.errors import HalftrackError
from halftrack.lab.parameters import NETWORKS, Parameters

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.diagnosis.record import Record
    from benchmarks.diagnosis.situation import Situation
    from halftrack.evidence.values import Evidence
    from halftrack.lab.scenario import Scenario

SECONDS: Final = 150.0
"""What a scenario may take on a machine that has other things to do."""
_AT_MOST_S: Final = 400


def run(situation: Situation, kept: Path) -> Record:
    """``kept``: a directory for the evidence, so that it can be judged anew."""
    began = time.monotonic()
    try:
        with _bounded(), _played(situation) as router:
            evidence = live.examine(router, in_depth=True)
    except (HalftrackError, OSError, TimeoutError) as error:
        seconds = round(time.monotonic() - began, 1)
        return record.Record(
            situation=situation,
            truths=situation.truths,
            seconds=seconds,
            failed=f"{type(error).__name__}: {error}",
        )
    (kept / f"{situation.number}.evidence").write_bytes(pickle.dumps(evidence))
    return _judged(situation, evidence, time.monotonic() - began)


def again(before: Record, kept: Path) -> Record:
    """The same evidence, judged by today's code."""
    path = kept / f"{before.situation.number}.evidence"
    if before.failed is not None or not path.exists():
        return before
    evidence = pickle.loads(path.read_bytes())  # noqa: S301  # our own, of this very measurement
    return _judged(before.situation, evidence, before.seconds)


def _judged(situation: Situation, evidence: Evidence, seconds: float) -> Record:
    return record.of(situation, situation.truths, seconds, diagnose(carried(evidence)))


def carried(evidence: Evidence) -> Evidence:
    """As another machine would read it. There is no bundle of evidence yet: it comes as it is."""
    return evidence


@contextlib.contextmanager
def _played(situation: Situation) -> Iterator[str]:
    """The path of the router's namespace while all of it stands."""
    parameters = Parameters(
        ipv6=situation.ipv6,
        port=situation.port,
        load=situation.load,
        background=situation.background,
        network=_network(2 * situation.number),
        seconds=SECONDS,
    )
    with contextlib.ExitStack() as stack:
        scene = stack.enter_context(lab.staged(_scenario(situation.scenarios[0]), _quiet, parameters))
        for name in situation.scenarios[1:]:
            second = replace(parameters, network=_network(2 * situation.number + 1), background=0)
            scene = stack.enter_context(lab.staged(_scenario(name), _quiet, second, first=scene))
        yield scene.net.router.path


def _network(number: int) -> int:
    """A server's address that no run beside this one has: the lab adds the number of its process."""
    return (number - os.getpid()) % NETWORKS


def _scenario(name: str) -> Scenario:
    return healthy.KINDS.get(name) or lab.find(name)


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

"""Running the program as a user does: in this process, or as one of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from halftrack import live
from halftrack.commands import main, sources
from unit import stories

if TYPE_CHECKING:
    from halftrack.evidence.values import Evidence

FOUNDING = Path(main.__file__).parents[1] / "examples" / "founding.txt"


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def run(
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> Run:
    """``run(*words, seen=…)``: the program in this process, on evidence that is given."""
    for name in ("HALFTRACK_RUN_DIR", "HALFTRACK_STATE_DIR"):
        monkeypatch.setenv(name, str(tmp_path_factory.mktemp("ours")))

    def words(*given: str, seen: Evidence | None = None) -> Ran:
        if seen is not None:
            monkeypatch.setattr(live, "examine", lambda *_, **__: seen)
            monkeypatch.setattr(sources, "_of_text", lambda *_: seen)
        monkeypatch.setattr(sys, "argv", ["halftrack", *given])
        code = main.run(list(given))
        caught = capfdbinary.readouterr()
        return Ran(code, caught.out.decode(), caught.err.decode())

    return words


@pytest.fixture
def capture(tmp_path: Path) -> str:
    """The founding story twice, by IPv4 and by IPv6, and a few datagrams."""
    path = tmp_path / "founding.pcap"
    both = stories.founding(), stories.founding(ipv6=True)
    path.write_bytes(stories.file(*both, others=stories.datagrams(3.0)))
    return str(path)


def process(
    *words: str, stdin: bytes | None = None, **environment: str
) -> subprocess.CompletedProcess[bytes]:
    """The program as a process, with nothing but these variables beside the path."""
    return subprocess.run(
        [sys.executable, "-m", "halftrack", *words],
        input=stdin,
        capture_output=True,
        check=False,
        timeout=60,
        env=plain_environment(**environment),
    )


def plain_environment(**more: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH", "PYTHONWARNINGS") if name in os.environ}
    return kept | more

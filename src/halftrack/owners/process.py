"""Asking a command: its output, within a deadline and a size, or why there is none.

A runtime's command may hang (a lock held, a daemon stuck) or print without end, so it gets a
process group of its own that is killed when time or room is used up.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from typing import IO, TYPE_CHECKING, Final

from halftrack.owners.untrusted import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_OUTPUT: Final = 16 << 20
_MOST_ERRORS: Final = 4096
_CHUNK: Final = 1 << 16
_TICK_S: Final = 0.05
_REAP_S: Final = 0.2
# Nothing that could point a command at another machine (DOCKER_HOST, CONTAINER_HOST) is passed on.
_PASSED_ON: Final = ("PATH", "HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")


class NoAnswer(Exception):
    """Why a command or a file gave nothing, as half a sentence; ``needs``: what would open it."""

    def __init__(self, why: str, needs: tuple[str, ...] = ()) -> None:
        super().__init__(why)
        self.needs = needs


def run(words: Sequence[str], deadline: float, most: int = MOST_OUTPUT) -> bytes:
    """What a command prints. ``deadline`` is a monotonic time.

    Raises NoAnswer where it cannot be started, fails, is late, or prints more than ``most`` bytes.
    """
    called = os.path.basename(words[0])  # noqa: PTH119  # a name, not a path to look at
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | {"LC_ALL": "C"}
    try:
        process = subprocess.Popen(  # noqa: S603  # fixed words; the first one found in PATH by us
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise NoAnswer(f"{called} could not be started: {error.strerror}") from error
    try:
        output, complaint = _collect(process, called, deadline, most)
    finally:
        _end(process)
    if process.returncode:
        lines = complaint.decode(errors="replace").strip().splitlines()
        said = printable(lines[-1]) if lines else ""
        ended = f"signal {-process.returncode}" if process.returncode < 0 else f"exit {process.returncode}"
        raise NoAnswer(f"{called} failed ({ended}){': ' if said else ''}{said}")
    return output


def _collect(
    process: subprocess.Popen[bytes], called: str, deadline: float, most: int
) -> tuple[bytes, bytes]:
    """Standard output and the beginning of standard error, until the process is done.

    A child of it may keep the pipes open for good: once the process itself has ended, only what
    is there already is read.
    """
    output, errors = bytearray(), bytearray()
    late = NoAnswer(f"{called} did not answer in time")
    with selectors.DefaultSelector() as selector:
        for pipe, kept, room in ((process.stdout, output, most + 1), (process.stderr, errors, _MOST_ERRORS)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, (kept, room))
        while selector.get_map() and len(output) <= most:
            left = deadline - time.monotonic()
            if left <= 0:
                raise late
            ended = process.poll() is not None
            ready = selector.select(0 if ended else min(left, _TICK_S))
            if ended and not ready:
                break
            for key, _ in ready:
                _read(selector, key)
    if len(output) > most:
        raise NoAnswer(f"{called} printed more than {most >> 20} MiB")
    try:
        process.wait(max(deadline - time.monotonic(), 0))
    except subprocess.TimeoutExpired:
        raise late from None
    return bytes(output), bytes(errors)


def _read(selector: selectors.BaseSelector, key: selectors.SelectorKey) -> None:
    """Keep what a pipe has, as far as there is room for it; forget the pipe at its end."""
    chunk = os.read(key.fd, _CHUNK)
    kept, room = key.data
    kept += chunk[: room - len(kept)]
    if not chunk:
        selector.unregister(key.fileobj)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what still runs of the group and collect the process. One stuck in the kernel is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(_REAP_S)
    pipes: tuple[IO[bytes] | None, ...] = (process.stdout, process.stderr)
    for pipe in pipes:
        if pipe is not None:
            pipe.close()

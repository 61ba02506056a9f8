"""A scratch namespace that can be found: a process of its own lives in it and gives it a name."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.errors import FeatureMissing
from halftrack.kernel import scratch, tools
from halftrack.lab import holder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import TypeVar

    T = TypeVar("T")

_WITHIN_S: Final = 20.0


class Place:
    """``name``: of its process, and so what an examination calls it. ``pid``: that process's number."""

    def __init__(self, name: str) -> None:
        """Raises FeatureMissing where none can be made."""
        self.name = name
        try:
            self._netns = scratch.Netns()
        except OSError as error:
            raise FeatureMissing(f"no scratch namespace can be made: {error.strerror}") from error
        ours, theirs = socket.socketpair()
        self._line = ours
        with theirs:
            words = [sys.executable, "-I", "-S", str(Path(holder.__file__)), name]
            self._process: subprocess.Popen[bytes] = self.call(
                lambda: subprocess.Popen(  # noqa: S603  # a program of ours
                    words,
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,  # who reads ours is not to wait for what stays
                    cwd="/",
                )
            )
        self._heard()
        self.set(scratch.ANY_WAY)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def path(self) -> str:
        """For ``--netns``, for as long as the process lives."""
        return f"/proc/{self.pid}/ns/net"

    @property
    def fd(self) -> int:
        return self._netns.fd

    def call(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises inside."""
        return self._netns.call(work)

    def run(self, words: list[str], stdin: str = "") -> str:
        """What a tool prints that runs inside. Raises HalftrackError."""
        return self.call(lambda: tools.run(words, stdin))

    def set(self, values: Mapping[str, str]) -> None:
        """Sysctls below ``net/`` of this namespace alone. Raises OSError."""
        self._netns.set(values)

    def index(self, interface: str) -> int:
        """Number of an interface. Raises OSError."""
        return self.call(lambda: socket.if_nametoindex(interface))

    def stay(self, sockets: Iterable[socket.socket]) -> None:
        """Let the process outlive this one, with these sockets of its namespace."""
        fds = [one.fileno() for one in sockets]
        for at in range(0, len(fds), holder.MOST):
            socket.send_fds(self._line, [holder.HOLD], fds[at : at + holder.MOST])
        self._line.send(holder.STAY)
        self._heard()

    def end(self) -> None:
        """The process is gone, and with it the namespace once no socket of it is open. Twice is once."""
        if self._process.returncode is not None:
            return
        self._line.close()
        self._netns.close()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        self._process.wait()

    def leave(self) -> None:
        """It is the process's alone from now on. Only after ``stay``."""
        self._line.close()
        self._netns.close()
        self._process.returncode = 0  # nobody waits for it any more

    def _heard(self) -> None:
        self._line.settimeout(_WITHIN_S)
        with contextlib.suppress(TimeoutError):
            if self._line.recv(1) == holder.READY:
                return
        self.end()
        raise FeatureMissing(f"no process could be started in the namespace {self.name}")

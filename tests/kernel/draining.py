"""What the tests of draining share: one-sided entries in bulk, and the program on a namespace."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from halftrack.evidence import addresses, uapi
from kernel.inject import End, Entries, inject
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from kernel.scratch import Netns

SERVER = "203.0.113.73"
LEFT_S = 363_312


@dataclass(frozen=True, slots=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def outcome(self) -> dict[str, Any]:
        outcome: dict[str, Any] = self.document["outcome"]
        return outcome


def environment(state: Path) -> dict[str, str]:
    return dict(os.environ) | {"HALFTRACK_STATE_DIR": str(state), "HALFTRACK_RUN_DIR": str(state)}


def command(netns: Netns | str | None, *words: str) -> list[str]:
    """The words of ``halftrack drain``; None: in the caller's own namespace."""
    where = [] if netns is None else ["--netns", netns if isinstance(netns, str) else netns.name]
    return [sys.executable, "-m", "halftrack", "drain", *words, *where]


def drain(netns: Netns | str | None, state: Path, *words: str) -> Ran:
    """Run it; nobody answers."""
    done = subprocess.run(
        command(netns, *words),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=environment(state),
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def drain_answering(netns: Netns, state: Path, *words: str, more: int = 0) -> Ran:
    """Run it with a terminal as its input, and type the number that it asks for, or a larger one."""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(
            command(netns, *words),
            stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment(state),
        ) as process:  # fmt: skip
            assert process.stderr is not None
            asked = ""
            while not asked.endswith("to go on: ") and (told := process.stderr.read(1)):
                asked += told
            number = re.search(r"^([0-9,]+) entries, .* Type the number", asked, re.MULTILINE)
            typed = str(int(number[1].replace(",", "")) + more) if number else ""
            os.write(ours, typed.encode() + b"\n")
            out, err = process.communicate(timeout=60)
    finally:
        os.close(ours)
        os.close(theirs)
    return Ran(process.returncode, out, asked + err)


def stuck(netns: Netns, count: int, port: int = 80, first: int = 0, server: str = SERVER) -> None:
    """``count`` entries that only the server's packets made, towards clients from ``10.0.0.1 + first`` on."""
    clients = np.arange(count, dtype=np.uint32) + np.uint32(0x0A000001 + first)
    own = np.full(count, addresses.parse(server)[1] & 0xFFFFFFFF, dtype=np.uint32)
    inject(
        netns.path,
        Entries(
            End(own, clients, port, 40_000),
            End(clients, own, 40_000, port),
            count=count,
            timeout=LEFT_S,
            state=uapi.TCP_CONNTRACK_ESTABLISHED,
            status=uapi.IPS_CONFIRMED,
        ),
    )


@contextlib.contextmanager
def sick_netns(label: str) -> Iterator[Netns]:
    """A namespace with two services' entries stuck in it, and a rate limit."""
    with scratch_netns(label) as netns:
        netns.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        limit = "root tbf rate 1mbit burst 5kb latency 50ms"
        netns.run("tc", "qdisc", "add", "dev", "lo", *limit.split())
        stuck(netns, 1_500)
        stuck(netns, 700, port=443, first=100_000)
        yield netns


def entries(netns: Netns, *words: str) -> int:
    """How many ``conntrack -L`` shows with these options."""
    return len(netns.run("conntrack", "-L", *words).splitlines())


def short(netns: Netns) -> int:
    """How many entries have a minute at most."""
    return sum(int(line.split()[2]) <= 60 for line in netns.run("conntrack", "-L").splitlines())


def untouched(netns: Netns) -> bool:
    """Whether all entries have what ``stuck`` gave them, less what has passed since."""
    left = [int(line.split()[2]) for line in netns.run("conntrack", "-L").splitlines()]
    return bool(left) and min(left) > LEFT_S - 120


def until(happened: Callable[[], bool], most_s: float = 20.0) -> None:
    deadline = time.monotonic() + most_s
    while not happened():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)

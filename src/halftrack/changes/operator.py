"""The connection that whoever types works through.

sudo does not hand on ``SSH_CONNECTION``: it is looked for in the environment of the processes
above this one, too.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from halftrack.kernel import files, processes

if TYPE_CHECKING:
    from halftrack.changes.folding import Folded

_PATTERN: Final = re.compile(r"([0-9a-fA-F:.]+)(?:%\w+)? ([0-9]{1,5}) ([0-9a-fA-F:.]+)(?:%\w+)? ([0-9]{1,5})")
_ENVIRONMENT: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Connection:
    """``text`` as SSH_CONNECTION has it. ``begun_s``: CLOCK_BOOTTIME at which its sshd started, if seen."""

    text: str
    client: str
    client_port: int
    server: str
    server_port: int
    begun_s: float | None = None


def connection() -> Connection | None:
    """The ssh connection above this process; None where there is none."""
    above = [pid for pid in processes.above(os.getpid()) if pid > 1]
    text = os.environ.get("SSH_CONNECTION") or next(filter(None, map(_environment, above)), None)
    found = _PATTERN.fullmatch(text or "")
    if found is None or not text:
        return None
    client, server = found[1], found[3]
    try:
        ipaddress.ip_address(client), ipaddress.ip_address(server)
    except ValueError:
        return None
    return Connection(text, client, int(found[2]), server, int(found[4]), _daemon_begun(above))


def not_new(folded: Folded) -> tuple[str | None, str]:
    """Why a ``keep`` that is typed here does not count, and else how it was said.

    It is to prove that the node can still be reached: over the connection that was there before
    the change it proves nothing.
    """
    now = connection()
    if now is None:
        return None, "not over ssh: whether the node can still be reached was not tried"
    if now.text == folded.begun.who.ssh:
        return "this connection was there before the change: open a new one and type it there", now.text
    done_s = folded.applied_s
    if now.begun_s is not None and done_s is not None and now.begun_s < done_s:
        return "this connection was opened before the change was done: open a new one", now.text
    return None, f"over a new ssh connection, from {now.client} port {now.client_port}"


def _environment(pid: int) -> str | None:
    text = files.text(f"/proc/{pid}/environ", _ENVIRONMENT) or ""
    return next(
        (one.partition("=")[2] for one in text.split("\0") if one.startswith("SSH_CONNECTION=")), None
    )


def _daemon_begun(above: list[int]) -> float | None:
    """The nearest sshd's start: each connection has a process of its own."""
    for pid in above:
        started = processes.started(pid)
        if started is not None and processes.name(pid).startswith("sshd"):
            return started / os.sysconf("SC_CLK_TCK")
    return None

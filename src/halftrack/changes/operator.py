"""The connection that whoever types works through.

sudo does not hand on ``SSH_CONNECTION``: it is looked for in the environment of the processes
above this one, too.
"""

from __future__ import annotations

import ipaddress
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.kernel import files

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.changes.folding import Folded

_PATTERN: Final = re.compile(r"([0-9a-fA-F:.]+)(?:%\w+)? ([0-9]{1,5}) ([0-9a-fA-F:.]+)(?:%\w+)? ([0-9]{1,5})")
_MOST_ABOVE: Final = 64
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
    above = list(_above(os.getpid()))
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
    return None, now.text


def _above(pid: int) -> Iterator[int]:
    for _ in range(_MOST_ABOVE):
        fields = _stat(pid)
        if fields is None or int(fields[1]) <= 1:
            return
        pid = int(fields[1])
        yield pid


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat from the state on: the name before it may hold anything."""
    text = files.text(f"/proc/{pid}/stat")
    return text.rpartition(")")[2].split() if text else None


def _environment(pid: int) -> str | None:
    text = files.text(f"/proc/{pid}/environ", _ENVIRONMENT) or ""
    return next(
        (one.partition("=")[2] for one in text.split("\0") if one.startswith("SSH_CONNECTION=")), None
    )


def _daemon_begun(above: list[int]) -> float | None:
    """The nearest sshd's start: each connection has a process of its own."""
    for pid in above:
        name = (files.text(Path(f"/proc/{pid}/comm")) or "").strip()
        fields = _stat(pid)
        if name.startswith("sshd") and fields is not None:
            return int(fields[19]) / os.sysconf("SC_CLK_TCK")
    return None

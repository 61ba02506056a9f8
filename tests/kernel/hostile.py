"""A node whose containers call everything what would do harm if it reached a screen or a parser as it is.

Run as a program in namespaces of its own, whose first process it is: makes containers, and prints, as JSON,
what commands print there.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from halftrack.evidence import uapi
from kernel.inject import End, Entries, inject

EVIL = "\x1b]0;x\x07\x1b[2J\u202e'\"`$(id)&|\\"
"""A title, an empty screen, text turned around, quotes, a command."""
NETNS = f"{EVIL}\n\r\t\u2028n{'x' * 100}"
INTERFACES = (
    *("\x1b[2J'\"`$(i)&", "\x1bc\u202e\\\x07\u200b|", "'\";$IFS`\x1b[1A"),
    *("\u202d2J\x7f<b>&", "a\x1b[2J\x01", "--help;\x1b]0;"),
)
"""At most 15 bytes each, none of them blank, a slash or a colon (net/core/dev.c, dev_valid_name)."""
ALIAS = f"{EVIL}\n" * 8
COMM = "\x1b[2J\n\"'\u202e\x07"
CGROUP = f"{EVIL}\u2066{'y' * 150}"
"""All but a slash and an end of line, up to 255 bytes (kernel/cgroup/cgroup.c, cgroup_mkdir)."""
LIMIT = ("tbf", "rate", "100kbit", "burst", "3kb", "limit", "10mb")
CONTAINERS = 3
"""One of them named by its cgroup, one by the mount of its namespace, one by its process alone."""
_PR_SET_NAME = 15
_CLONE_NEWNET = 0x4000_0000
_LENGTH_OF_COMM = 15


def main(cgroups: str, commands: list[tuple[bool, list[str]]]) -> None:
    """``cgroups``: a directory to make one in, or nothing; ``commands``: whether on a terminal, and words."""
    with contextlib.ExitStack() as stack:
        Path("/run/netns").mkdir()
        for number in range(1, CONTAINERS + 1):
            pid = _process(stack)
            if number == 1 and cgroups:
                _in_cgroup(pid, Path(cgroups))
            if number == 2:
                _sh("ip", "netns", "attach", NETNS, str(pid))
            _connect(number, pid)
            _stuck("/proc/self/ns/net", number, 60)
            _stuck(f"/proc/{pid}/ns/net", number, 1_200)  # enough to be read
        said = [_screen(words) if terminal else _output(words) for terminal, words in commands]
    sys.stdout.write(json.dumps(said))


def _sh(*words: str) -> None:
    subprocess.run(words, check=True, capture_output=True)


def _process(stack: contextlib.ExitStack) -> int:
    """One that lives in a network namespace of its own and has an evil name."""
    ready, done = os.pipe()
    pid = os.fork()
    if not pid:
        libc = ctypes.CDLL(None)
        libc.unshare(_CLONE_NEWNET)
        libc.prctl(_PR_SET_NAME, COMM.encode()[:_LENGTH_OF_COMM], 0, 0, 0)
        os.write(done, b"x")
        time.sleep(600)
        os._exit(0)
    os.read(ready, 1)
    stack.callback(os.waitpid, pid, 0)
    stack.callback(os.kill, pid, signal.SIGKILL)
    return pid


def _in_cgroup(pid: int, parent: Path) -> None:
    """As LXC names them."""
    directory = parent / f"lxc.payload.{CGROUP}"
    directory.mkdir()
    (directory / "cgroup.procs").write_text(str(pid), encoding="ascii")


def _connect(number: int, pid: int) -> None:
    """A limited link to the node, by interfaces with evil names on both sides."""
    near, far = INTERFACES[2 * number - 2 : 2 * number]
    _sh("ip", "link", "add", "near", "type", "veth", "peer", "name", "far", "netns", str(pid))
    _sh("ip", "link", "set", "near", "alias", ALIAS[:255])
    _sh("ip", "link", "set", "near", "name", near)
    _sh("ip", "address", "add", f"10.79.{number}.1/24", "dev", near)
    _sh("ip", "link", "set", near, "up")
    _sh("tc", "qdisc", "add", "dev", near, "root", *LIMIT)
    inside = ("nsenter", "--net", "-t", str(pid))
    _sh(*inside, "ip", "link", "set", "far", "name", far)
    _sh(*inside, "ip", "address", "add", f"10.79.{number}.2/24", "dev", far)
    _sh(*inside, "ip", "link", "set", far, "up")
    _sh(*inside, "ip", "route", "add", "default", "via", f"10.79.{number}.1")


def _stuck(netns: str, number: int, count: int) -> None:
    """Entries of the container's that only its own packets made."""
    clients = np.arange(count, dtype=np.uint32) + 0xC6336401
    server = np.full(count, 0x0A4F0002 | number << 8, dtype=np.uint32)
    ends = End(server, clients, 80, 50_000), End(clients, server, 50_000, 80)
    inject(netns, Entries(*ends, count=count, timeout=280, state=uapi.TCP_CONNTRACK_ESTABLISHED))


def _output(words: list[str]) -> str:
    done = subprocess.run([sys.executable, "-m", "halftrack", *words], capture_output=True, check=False)
    return (done.stdout + done.stderr).decode("latin-1")


def _screen(words: list[str]) -> str:
    """The same on a terminal."""
    pid, fd = pty.fork()
    if not pid:
        os.execvp(  # noqa: S606  # words of our own, no shell
            sys.executable, [sys.executable, "-m", "halftrack", *words]
        )
    said = b""
    with contextlib.suppress(OSError):  # the other end is closed
        while select.select([fd], [], [], 60)[0] and (more := os.read(fd, 1 << 16)):
            said += more
    os.waitpid(pid, 0)
    os.close(fd)
    return said.decode("latin-1")


if __name__ == "__main__":
    main(sys.argv[1], json.loads(sys.argv[2]))

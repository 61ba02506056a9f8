"""A scratch namespace dressed as a node: process 1 in it, and /etc, /var/lib and /run of its own.

Commands run in a mount namespace each, so nothing of this is seen by anybody else, or stays.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from kernel.scratch import Netns

NAME: Final = "node17"
_PATIENCE_S: Final = 120
_LONGEST_S: Final = 900
"""Nothing of a test that was killed stays for longer."""
_ERASED: Final = "\x1b[K"
"""What a line that told of progress leaves before what comes in its place."""
_PROMPT: Final = re.compile(rb"(?:\]|go on): ")
_OF_ETC: Final = (
    "alternatives",
    "group",
    "iproute2",
    "ld.so.cache",
    "machine-id",
    "nsswitch.conf",
    "passwd",
    "protocols",
    "services",
)
_DIRECTORIES: Final = (
    "etc/modules-load.d",
    "etc/sysctl.d",
    "etc/systemd/system",
    "home",
    "run/netns",
    "run/systemd/system",
    "var/lib",
)
_DRESS: Final = """
set -e
hostname "$1"
grep -o ' /run/netns/[^ ]*' /proc/self/mountinfo | sort -u |
  while read -r mount; do umount -l "$mount" 2>/dev/null || :; done
for directory in etc run var/lib; do mount --rbind "$2/$directory" "/$directory"; done
mount --bind "/proc/$3" /proc/1
shift 3
while [ "$1" != -- ]; do
  mount --bind "/proc/$2/ns/net" "/run/netns/$1"
  shift 2
done
shift
exec "$@"
"""
"""Arguments: the name, the root, the process to be number 1, name and process of each container, --, command."""


@dataclass(frozen=True)
class Node:
    """``netns``: its network; ``root``: its files; ``first``: a process in it, in place of the first one.

    ``containers``: names of other namespaces, with a process in each.
    """

    netns: Netns
    root: Path
    first: int
    containers: Mapping[str, int]

    def _command(self, words: tuple[str, ...]) -> list[str]:
        others = [each for name, pid in self.containers.items() for each in (name, str(pid))]
        dress = ["sh", "-c", _DRESS, "sh", NAME, str(self.root), str(self.first), *others, "--"]
        return ["ip", "netns", "exec", self.netns.name, "unshare", "--mount", "--uts", *dress, *words]

    def screen(self, *words: str, answer: str | Callable[[str], str] = "") -> tuple[int, str]:
        """What somebody sees who types ``halftrack WORDS`` on a terminal, and the exit code.

        ``answer`` is typed where something is asked, or what it makes of all that was shown.
        """
        command = self._command((sys.executable, "-m", "halftrack", *words))
        return on_terminal(command, self.root / "home", answer)


def on_terminal(
    command: Sequence[str], directory: Path, answer: str | Callable[[str], str] = ""
) -> tuple[int, str]:
    """Exit code, and what somebody sees on a terminal of 80 columns; see ``Node.screen``.

    ``directory``: where it is typed, and the home of whoever types: what is left there is the caller's.
    """
    program = Path(sys.executable).parent
    environment = {
        "PATH": f"{program}:{os.environ['PATH']}",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(directory),
        "LANG": "C.UTF-8",
        "TERM": "dumb",
        "TZ": "UTC",
        "COLUMNS": "80",
    }
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=directory,
        env=environment,
        start_new_session=True,
    ) as process:
        os.close(theirs)
        shown = _watched(ours, answer)
        return process.wait(_PATIENCE_S), shown


def _watched(terminal: int, answer: str | Callable[[str], str]) -> str:
    """Everything that comes out of a terminal until nobody has it open."""
    shown = b""
    asked = 0
    end = time.monotonic() + _PATIENCE_S
    with contextlib.suppress(OSError), os.fdopen(terminal, "rb+", buffering=0) as ours:
        while time.monotonic() < end:
            if not select.select([ours], [], [], 1)[0]:
                continue
            more = ours.read(65_536)
            if not more:
                break
            shown += more
            if answer and len(_PROMPT.findall(shown)) > asked:
                asked += 1
                typed = answer if isinstance(answer, str) else answer(shown.decode())
                ours.write(f"{typed}\n".encode())
    lines = shown.decode().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rpartition("\r")[2].removeprefix(_ERASED) for line in lines)


def fill(root: Path) -> None:
    """The files that a node has: directories of its own, and what programs want of /etc."""
    for directory in _DIRECTORIES:
        (root / directory).mkdir(parents=True)
    for name in _OF_ETC:
        given = Path("/etc") / name
        if given.is_dir():
            shutil.copytree(given, root / "etc" / name, symlinks=True)
        elif given.exists():
            shutil.copy2(given, root / "etc" / name)


@contextlib.contextmanager
def dressed(netns: Netns, root: Path, containers: Mapping[str, Netns]) -> Iterator[Node]:
    """The namespace as a node with these containers; ``root``: an empty directory for its files."""
    fill(root)
    with contextlib.ExitStack() as stack:
        processes = {}
        for name, space in {"": netns, **containers}.items():
            sleeper = subprocess.Popen(["ip", "netns", "exec", space.name, "sleep", str(_LONGEST_S)])
            stack.callback(sleeper.wait)
            stack.callback(sleeper.kill)
            while Path(f"/proc/{sleeper.pid}/ns/net").stat().st_ino != space.inode:
                os.sched_yield()
            processes[name] = sleeper.pid
            if name:
                (root / "run/netns" / name).touch()
        yield Node(netns, root, processes.pop(""), processes)

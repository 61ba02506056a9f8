"""The node as the runtimes see it: its files below a root, its processes, its commands."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from halftrack.kernel import files, privileges
from halftrack.owners import process, untrusted
from halftrack.owners.process import NoAnswer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import Namespace

_ADMIN_DIRECTORIES: Final = "/usr/local/sbin:/usr/sbin:/sbin"
_LOCAL: Final = re.compile(r"\|-- ([0-9.]+)\n\s+/32 host LOCAL")


@dataclass(frozen=True, slots=True)
class Node:
    """``root`` holds /proc, /run, /etc, /var. ``runs_commands``: whether it is where commands look too.

    ``deadline`` is the monotonic time at which every answer must be there. ``host_inode`` is the
    namespace that belongs to nobody: a container that shares it owns no address of its own. ``printed``:
    what tools said there, where only that was sent: kind and text, as ``owners.sent`` knows them.
    """

    root: Path
    deadline: float
    namespaces: tuple[Namespace, ...] = ()
    host_inode: int | None = None
    runs_commands: bool = False
    printed: tuple[tuple[str, str], ...] = ()

    def at(self, path: str) -> str:
        """A path of the node, with or without its leading slash, below the root."""
        return f"{self.root}/{path}".replace("//", "/")

    def is_late(self) -> bool:
        """Whether the time for answers is over: what is not read by now stays unread."""
        return time.monotonic() >= self.deadline

    def has(self, path: str) -> bool:
        """Whether a path is there. One that may not be looked at is not."""
        return os.path.lexists(self.at(path))

    def names(self, directory: str) -> list[str]:
        """Names in a directory, sorted; none where it is not there. Raises PermissionError."""
        try:
            return sorted(os.listdir(self.at(directory)))  # noqa: PTH208  # names, without a Path for each
        except PermissionError:
            raise
        except OSError:
            return []

    def read(self, path: str, most: int = files.MOST_BYTES) -> str:
        """A regular file's text, its first ``most`` bytes; empty where it is none. Raises PermissionError."""
        try:
            return files.read(self.at(path), most).decode(errors="replace")
        except PermissionError:
            raise
        except OSError:
            return ""

    def peek(self, path: str, most: int = files.MOST_BYTES) -> str:
        """Like ``read``, empty also where reading is not permitted."""
        return files.text(self.at(path), most) or ""

    def tool(self, name: str) -> str | None:
        """Path of a command, also where the caller's PATH leaves out those for administrators."""
        if not self.runs_commands:
            return None
        return shutil.which(name, path=f"{os.environ.get('PATH', os.defpath)}:{_ADMIN_DIRECTORIES}")

    def ask(self, *words: str) -> str:
        """What a command prints. Raises NoAnswer."""
        return process.run(words, self.deadline).decode(errors="replace")

    def netns(self, pid: int | None) -> int | None:
        """Number of the network namespace that a process lives in."""
        return None if pid is None else privileges.namespace_inode(self.root / f"proc/{pid}/ns/net")

    def inode(self, path: str) -> int | None:
        """Number of the file behind a path, which for a mounted namespace is the namespace's."""
        with contextlib.suppress(OSError):
            # In a copy it is a link that names the number.
            known = privileges.namespace_inode(Path(self.at(path)))
            return known or os.stat(self.at(path)).st_ino  # noqa: PTH116  # at hand as text
        return None

    def is_alive(self, pid: int | None) -> bool:
        return pid is not None and self.has(f"proc/{pid}")

    def addresses(self, pid: int) -> tuple[str, ...]:
        """Addresses of the namespace that a process lives in.

        ``/proc/PID/net`` needs no permission to trace that process. IPv4 from the table of local
        routes (net/ipv4/fib_trie.c), IPv6 from ``if_inet6`` (net/ipv6/addrconf.c).
        """
        found = _LOCAL.findall(self.peek(f"proc/{pid}/net/fib_trie"))
        for line in self.peek(f"proc/{pid}/net/if_inet6").splitlines():
            digits = line.partition(" ")[0]
            found.append(":".join(digits[i : i + 4] for i in range(0, 32, 4)))
        return tuple(dict.fromkeys(untrusted.addresses(found)))

    def ancestors(self, pid: int) -> Iterator[int]:
        """A process's parent and that one's, below process 1."""
        for _ in range(2):
            fields = self.peek(f"proc/{pid}/stat", 4096).rpartition(")")[2].split()
            pid = untrusted.number(fields[1]) or 0 if len(fields) > 1 else 0
            if pid <= 1:
                return
            yield pid


def parse_json(text: str, whose: str) -> Any:
    """The value that a program printed; an empty list where it printed nothing. Raises NoAnswer."""
    if not text.strip():
        return []
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NoAnswer(f"what {whose} printed is not JSON") from error

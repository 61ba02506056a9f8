"""Where network namespaces show: the links of processes, and mounted nsfs files."""

from __future__ import annotations

import contextlib
import errno
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.kernel import files, privileges

if TYPE_CHECKING:
    from collections.abc import Iterator

GONE: Final = (errno.ENOENT, errno.ESRCH, errno.ESTALE)
"""What a path to a namespace answers when its process or mount is not there any more."""

_MOST_MOUNTINFO: Final = 64 << 20
_OCTAL: Final = re.compile(r"\\([0-7]{3})")


@dataclass(slots=True)
class Sighting:
    """What is known of one namespace.

    ``net``: number of its ``/proc/PID/net/stat``. ``pid``: the lowest process there; ``door``: the
    lowest whose link we may follow.
    """

    inode: int | None
    net: int | None = None
    pid: int | None = None
    mount: str | None = None
    door: int | None = None

    def has(self, pid: int) -> None:
        """Note a process that lives there; the lowest one stands for the namespace."""
        self.pid = pid if self.pid is None else min(pid, self.pid)


def statistics_inode(net: Path) -> int | None:
    """Number of a ``/proc/PID/net/stat`` directory: equal for equal namespaces, readable by all."""
    try:
        return (net / "stat").stat().st_ino
    except OSError:
        return None


def processes(proc: Path) -> list[int]:
    """Numbers of the processes that /proc shows, lowest first."""
    with contextlib.suppress(OSError):
        return sorted(int(path.name) for path in proc.iterdir() if path.name.isdecimal())
    return []


def own(proc: Path) -> Sighting:
    """The namespace of this process."""
    return Sighting(privileges.namespace_inode(proc / "self/ns/net"), statistics_inode(proc / "self/net"))


def of_processes(proc: Path, ours: Sighting) -> tuple[list[Sighting], int]:
    """Namespaces that processes live in, ``ours`` first, and how many processes could not be placed."""
    by_inode = {} if ours.inode is None else {ours.inode: ours}
    unreadable: list[int] = []
    for pid in processes(proc):
        try:
            target = (proc / f"{pid}/ns/net").readlink().name
        except OSError as error:
            if error.errno not in GONE:
                unreadable.append(pid)
            continue
        inode = privileges.number_in(target)
        if inode is not None:
            one = by_inode.setdefault(inode, Sighting(inode))
            one.has(pid)
            one.door = pid if one.door is None else one.door
    found = list(by_inode.values()) or [ours]
    return found, _place(proc, unreadable, found) if unreadable else 0


def _place(proc: Path, pids: list[int], found: list[Sighting]) -> int:
    """Tell by their statistics where processes live whose links are not for us; how many stay unknown."""
    by_net: dict[int, Sighting] = {}
    for one in found:
        if one.net is None and one.pid is not None:
            one.net = statistics_inode(proc / f"{one.pid}/net")
        if one.net is not None:
            by_net[one.net] = one
    unknown = 0
    for pid in pids:
        net = statistics_inode(proc / f"{pid}/net")
        if net is None:
            unknown += _lives(proc, pid)
            continue
        if net not in by_net:
            by_net[net] = Sighting(None, net)
            found.append(by_net[net])
        by_net[net].has(pid)
    return unknown


def _lives(proc: Path, pid: int) -> bool:
    """Whether a process is there and not a zombie, which lives nowhere."""
    state = files.text(proc / f"{pid}/stat")
    return state is not None and state.rpartition(")")[2].split()[:1] not in (["Z"], ["X"])


def plain_path(written: str) -> str:
    """``written``: as lists of mounts have it, without blanks (proc(5))."""
    return _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), written)


def mounts(proc: Path) -> Iterator[tuple[int, str]]:
    """``(inode, mount point)`` of mounted network namespaces, from mountinfo (proc(5))."""
    for process in ("self", "1"):
        text = files.text(proc / process / "mountinfo", _MOST_MOUNTINFO)
        if text is None:
            continue
        for line in text.splitlines():
            before, _, after = line.partition(" - ")
            fields = before.split(" ")
            if len(fields) < 6:
                continue
            source, mount = fields[3], plain_path(fields[4])
            inode = privileges.number_in(source) if after.startswith("nsfs ") else None
            if inode is not None and source.startswith("net:"):
                yield inode, mount
            elif after.startswith("proc ") and source.endswith("/ns/net"):
                # Before 3.19 the file bound is the process's own; its number is the namespace's.
                with contextlib.suppress(OSError, ValueError):  # a name may hold what no path does
                    yield Path(mount).stat().st_ino, mount
        return

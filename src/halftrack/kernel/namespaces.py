"""The node's network namespaces, their names, and the ways into them.

Found through ``/proc/PID/ns/net`` of every process and through mounted nsfs files (``ip netns``,
Podman, CNI, Docker). Links of other users' processes cannot be read without CAP_SYS_PTRACE;
``/proc/PID/net/stat`` can, and the number of that directory is the same for all processes of one
namespace, so even then namespaces are told apart and counted.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import ALL, HOST, OWN, SELF, Gap, Namespace
from halftrack.kernel import files, privileges, setns, sightings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halftrack.evidence.values import Owner
    from halftrack.kernel.sightings import Sighting

_OUR_WORDS: Final = (*OWN, ALL)
"""What ``--netns`` understands by itself: no namespace is called so because of its owner or mount."""

_MADE_UP: Final = re.compile(
    r"(cni-|netns-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{12}|[0-9a-f]{64}"
)
_LONGEST_NAME: Final = 64
_MOST_CLOSED: Final = 8
"""So many are told one by one."""
_NS_GET_NSTYPE: Final = 0xB703
"""include/uapi/linux/nsfs.h"""


NAMED: Final = Path("/run/netns")
"""Where ip(8) mounts namespaces: their names can be seen by who may not open them."""
OWN_WAY: Final = "/proc/self/ns/net"
"""``Namespace.path`` of the one that this process lives in."""


class Vanished(Exception):
    """The namespace is not there any more."""


def find(root: Path = Path("/")) -> tuple[list[Namespace], list[Gap]]:
    """All network namespaces, each once: our own first, then by number.

    One that can only be told apart, not entered, has neither ``inode`` nor ``path``; its
    statistics are below ``/proc/<pid>/net``. Gaps: what may hide further namespaces.
    """
    proc = root / "proc"
    ours = sightings.own(proc)
    found, unknown = sightings.of_processes(proc, ours)
    closed = _add_mounts(found, proc, enterable=not privileges.missing(("CAP_SYS_ADMIN",)))
    found.sort(key=lambda one: (one is not ours, one.inode is None, one.inode or 0, one.pid or 0))
    host = _host(root, found)
    plain = [HOST if one is host else SELF if one is ours else _called(one, proc) for one in found]
    names = distinct(plain, [one.inode or one.pid for one in found])
    spaces = [
        Namespace(name, one.inode, _way(one, proc, own=one is ours), one.pid)
        for name, one in zip(names, found, strict=True)
    ]
    return spaces, _gaps(proc, unknown, closed)


def is_own(namespace: Namespace) -> bool:
    """Whether this process lives there, so that nothing has to be entered."""
    return namespace.path == OWN_WAY


def at(path: str) -> Namespace:
    """The namespace behind a path that somebody named. Raises OSError; ValueError where it is none."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        is_one, inode = _is_network(fd), os.fstat(fd).st_ino
    finally:
        os.close(fd)
    if not is_one:
        raise ValueError(path)
    return Namespace(_fit_name(Path(path).name), inode, path)


def _is_network(fd: int) -> bool:
    try:
        return fcntl.ioctl(fd, _NS_GET_NSTYPE) == setns.CLONE_NEWNET
    except OSError:
        # Kernels before 4.11 do not answer; there a mount or a link tells.
        target = Path(f"/proc/self/fd/{fd}").readlink().name
        return target.startswith("net:") or os.fstat(fd).st_ino in mounted()


def mounted() -> set[int]:
    """Numbers of those that are mounted somewhere, also where another mount lies over that place."""
    return {inode for inode, _ in sightings.mounts(Path("/proc"))}


@contextlib.contextmanager
def opened(namespace: Namespace) -> Iterator[str]:
    """A path for setns(2) that stays valid: it leads through a descriptor and keeps the namespace alive.

    Raises Vanished where nothing leads there any more, OSError where it may not be opened.
    """
    fd = _open(namespace)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)


def _open(namespace: Namespace) -> int:
    for path in _ways(namespace):
        try:
            fd = _descriptor(path)
        except OSError as error:
            if error.errno in sightings.GONE:
                continue
            raise
        if namespace.inode in (None, os.fstat(fd).st_ino):
            return fd
        os.close(fd)
    raise Vanished(namespace.name)


def _descriptor(path: str) -> int:
    """Raises OSError; nothing but a plain file is opened, for opening a device may do something."""
    if not stat.S_ISREG(os.stat(path).st_mode):  # noqa: PTH116  # the path is text
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), path)
    return os.open(path, os.O_RDONLY | os.O_CLOEXEC)


def _ways(namespace: Namespace) -> Iterator[str]:
    """The known path, and if that leads nowhere now, any other process that lives there.

    Raises PermissionError for a namespace that was only ever seen from outside.
    """
    if namespace.path is None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), namespace.name)
    yield namespace.path
    if namespace.inode is not None:
        for pid in sightings.processes(Path("/proc")):
            if privileges.namespace_inode(Path(f"/proc/{pid}/ns/net")) == namespace.inode:
                yield f"/proc/{pid}/ns/net"


def with_owners(spaces: Sequence[Namespace], owners: Sequence[Owner]) -> list[Namespace]:
    """Each with its owner, and named after it unless its name is one of our words."""
    by_inode = {one.netns_inode: one for one in reversed(owners) if one.netns_inode is not None}
    owned = [replace(one, owner=by_inode.get(one.inode or 0)) for one in spaces]
    names = [
        _fit_name(one.owner.name) if one.owner and one.name not in _OUR_WORDS else one.name for one in owned
    ]
    names = distinct(names, [one.inode or one.pid for one in owned])
    return [replace(one, name=name) for one, name in zip(owned, names, strict=True)]


def _add_mounts(found: list[Sighting], proc: Path, *, enterable: bool) -> list[str]:
    """Note the mounts of namespaces; names of those that nothing else shows and that may not be entered."""
    by_inode = {one.inode: one for one in found}
    closed: set[str] = set()
    for inode, mount in sightings.mounts(proc):
        known = by_inode.get(inode)
        if known is None and not enterable:
            closed.add(_fit_name(Path(mount).name))
        elif known is None:
            by_inode[inode] = sightings.Sighting(inode, mount=mount)
            found.append(by_inode[inode])
        elif known.mount is None or _rank(mount) < _rank(known.mount):
            known.mount = mount
    return sorted(closed)


def _rank(mount: str) -> tuple[bool, bool, str]:
    """The mount that people type comes first."""
    named = mount.startswith((f"{NAMED}/", f"/var{NAMED}/"))
    return not named, bool(_MADE_UP.fullmatch(Path(mount).name)), mount


def _host(root: Path, found: list[Sighting]) -> Sighting | None:
    """Process 1's namespace, unless that process 1 is a container's own."""
    ours = found[0]
    if privileges.in_initial_network(root):
        return ours
    if privileges.in_container(root) and not privileges.first_process_is_the_nodes(root):
        return None
    inode = privileges.namespace_inode(root / "proc/1/ns/net")
    net = sightings.statistics_inode(root / "proc/1/net")
    for one in found:
        if (inode is not None and one.inode == inode) or (net is not None and one.net == net):
            return one
    return ours if inode is None and ours.inode is None else None


def _way(one: Sighting, proc: Path, *, own: bool) -> str | None:
    if own:
        return f"{proc}/self/ns/net"
    return one.mount or f"{proc}/{one.door}/ns/net" if one.inode is not None else None


def _called(one: Sighting, proc: Path) -> str:
    comm = None if one.pid is None else (files.text(proc / f"{one.pid}/comm") or "").strip()
    return called(one.mount, comm)


def called(mount: str | None, comm: str | None) -> str:
    """The mount's name, unless some program made it up; else the command of its first process, if any."""
    mounted = Path(mount).name if mount else ""
    name = comm if not mounted or (comm is not None and _MADE_UP.fullmatch(mounted)) else mounted
    return _fit_name(name or mounted or "namespace")


def preferred(mounts: Iterable[str]) -> str | None:
    """Of several mounts of one namespace the one that people type."""
    return min(mounts, key=_rank, default=None)


def distinct(names: list[str], numbers: list[int | None]) -> list[str]:
    """A number follows where two names are equal, or where one is a word of ours and not the first to be."""
    often = Counter(names)
    return [
        name
        if (often[name] == 1 and name != ALL) or (name in OWN and names.index(name) == place)
        else f"{name}-{number}"
        for place, (name, number) in enumerate(zip(names, numbers, strict=True))
    ]


def _fit_name(name: str) -> str:
    """Fit for a screen and for ``--netns``, which takes a slash for a path."""
    kept = "".join(c if c.isprintable() and c not in "/ " else "-" for c in name[:_LONGEST_NAME])
    return f"{kept}-" if kept in _OUR_WORDS else kept or "namespace"


def _gaps(proc: Path, unknown: int, closed: list[str]) -> list[Gap]:
    gaps: list[Gap] = []
    # Mounted with hidepid, /proc does not even show process 1.
    if unknown or (files.exists(proc / "self") and not files.exists(proc / "1")):
        many = (
            f"{unknown:,} processes" if unknown > 1 else "a process" if unknown else "other users' processes"
        )
        needs = privileges.missing(privileges.TO_READ_OTHERS)
        gaps.append(
            Gap(f"namespaces of {many}", "/proc does not say where they are", needs, ("other tables",))
        )
    # Each names its namespace apart from its words, by which whoever masks them knows that it is a name.
    shut: list[tuple[str, str | None]] = [(f"table of {name}", name) for name in closed[:_MOST_CLOSED]]
    if more := closed[_MOST_CLOSED:]:
        shut.append((f"tables of {len(more):,} more named namespaces", None))
    needs = privileges.missing(privileges.TO_READ_MOUNTED)
    why = "entering a named namespace is not permitted"
    return gaps + [Gap(what, why, needs, ("other tables",), name) for what, name in shut]

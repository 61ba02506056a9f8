"""What this process may do, who runs it, and whether what it sees is the node or a container.

The capabilities that reading takes were measured on Linux 6.18: a ctnetlink dump of the own
namespace needs CAP_NET_ADMIN and nothing else; setns(2) into a named mount needs CAP_SYS_ADMIN
too; following ``/proc/PID/ns/net`` of somebody else's process needs CAP_SYS_PTRACE on top.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.kernel import files

if TYPE_CHECKING:
    from collections.abc import Iterable

CAPABILITY_BITS: Final = MappingProxyType(
    {"CAP_NET_ADMIN": 12, "CAP_SYS_PTRACE": 19, "CAP_SYS_ADMIN": 21, "CAP_SYSLOG": 34}
)
"""include/uapi/linux/capability.h"""

TO_READ_OWN: Final = ("CAP_NET_ADMIN",)
TO_LIST_RULES: Final = ("CAP_NET_ADMIN",)
TO_READ_MOUNTED: Final = ("CAP_NET_ADMIN", "CAP_SYS_ADMIN")
TO_READ_OTHERS: Final = ("CAP_NET_ADMIN", "CAP_SYS_ADMIN", "CAP_SYS_PTRACE")
TO_ENTER_OTHERS: Final = ("CAP_SYS_ADMIN", "CAP_SYS_PTRACE")
TO_READ_LOG: Final = ("CAP_SYSLOG",)
"""Where kernel.dmesg_restrict is 1."""

INITIAL_NETWORK: Final = 0xEFFFFFF9
"""NET_NS_INIT_INO, include/uapi/linux/nsfs.h; earlier kernels number it like any other."""
INITIAL_PIDS: Final = 0xEFFFFFFC
"""PID_NS_INIT_INO: fixed since 3.8."""
INITIAL_CGROUPS: Final = 0xEFFFFFFB
INITIAL_USERS: Final = 0xEFFFFFFD

_MARKERS: Final = ("run/.containerenv", ".dockerenv", "run/systemd/container")
_CONTAINER_CGROUP: Final = re.compile(r"docker|libpod|kubepods|crio|containerd|/lxc|machine\.slice")


def effective() -> int:
    """The calling thread's effective capabilities as a mask; 0 where they cannot be read."""
    status = files.text("/proc/self/status")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status or "", re.MULTILINE)
    return int(found[1], 16) if found else 0


def missing(capabilities: Iterable[str]) -> tuple[str, ...]:
    """Those of the named capabilities that are not effective, in the order given."""
    held = effective()
    return tuple(name for name in capabilities if not held >> CAPABILITY_BITS[name] & 1)


def confined() -> bool:
    """Whether the capabilities count only inside a user namespace of this process's own."""
    inode = namespace_inode(Path("/proc/self/ns/user"))
    return inode not in (None, INITIAL_USERS)


def user_name() -> str | None:
    """Who runs this process; None for root."""
    uid = os.geteuid()
    return name_of(uid) if uid else None


def name_of(uid: int) -> str:
    """The number as text where the user has no name."""
    import pwd  # noqa: PLC0415  # the name service is asked only where somebody else than root looks

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def namespace_inode(link: Path) -> int | None:
    """The number in a link like ``net:[4026531840]``; None where it cannot be read or is no such link."""
    try:
        return number_in(link.readlink().name)
    except OSError:
        return None


def number_in(target: str) -> int | None:
    """The number of a namespace written like ``net:[4026531840]``; None where it is written otherwise."""
    found = re.fullmatch(r"[a-z_]+:\[([0-9]{1,10})\]", target)
    return int(found[1]) if found else None


def in_initial_network(root: Path = Path("/")) -> bool | None:
    """Whether this process lives in the node's first network namespace. None: cannot be told.

    Told by its fixed number (6.18 and later), else by ``net.nf_conntrack_max``, which only that
    namespace has, else by being where process 1 of the first PID namespace is.
    """
    proc = root / "proc"
    own = namespace_inode(proc / "self/ns/net")
    if own == INITIAL_NETWORK:
        return True
    if files.exists(proc / "sys/net/netfilter/nf_conntrack_max"):
        return files.exists(proc / "sys/net/nf_conntrack_max")
    first = namespace_inode(proc / "1/ns/net")
    if own is None or first is None or not _in_initial_pids(root):
        return None
    return own == first


def _in_initial_pids(root: Path = Path("/")) -> bool:
    """Whether process numbers are the node's own."""
    return namespace_inode(root / "proc/self/ns/pid") == INITIAL_PIDS


def first_process_is_the_nodes(root: Path = Path("/")) -> bool:
    """Whether process 1 of this /proc is the node's init and not a container's.

    Where its links are not for us: kernel threads, and so their parent, show nowhere else.
    """
    inode = namespace_inode(root / "proc/1/ns/pid")
    if inode is not None:
        return inode == INITIAL_PIDS
    second = files.text(root / "proc/2/comm")
    return _in_initial_pids(root) if second is None else second == "kthreadd\n"


def _inside_virtuozzo(root: Path = Path("/")) -> bool:
    """Whether this is an OpenVZ or Virtuozzo container: ``/proc/bc`` is only on its host."""
    return files.exists(root / "proc/vz") and not files.exists(root / "proc/bc")


def in_container(root: Path = Path("/")) -> bool:
    """Whether the own namespace's table is a container's and not the node's.

    A container that shares the node's network sees the node's table. A marker file alone proves
    nothing: machines are booted from container images, too.
    """
    if _inside_virtuozzo(root):
        return True
    if in_initial_network(root):
        return False
    if not os.path.islink(root / "proc/self/ns/pid"):  # noqa: PTH114  # pathlib raises where a folder is closed
        return False
    if not _in_initial_pids(root):
        return True
    return any(files.exists(root / marker) for marker in _MARKERS) and _in_container_cgroup(root)


def _in_container_cgroup(root: Path) -> bool:
    inode = namespace_inode(root / "proc/self/ns/cgroup")
    if inode not in (None, INITIAL_CGROUPS):
        return True
    return bool(_CONTAINER_CGROUP.search(files.text(root / "proc/self/cgroup") or ""))

"""The network namespace of a write: found once, and found again or known to be gone later.

An inode's number is given anew once a namespace has ended; the kernel's cookie (5.14 and later)
never is, and the boot id tells namespaces of another boot.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from halftrack.errors import FeatureMissing, Incomplete, PermissionMissing
from halftrack.evidence.values import HOST, SELF, Namespace
from halftrack.kernel import files, identity, namespaces, privileges, setns, sightings

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.plans.actions import Where

T = TypeVar("T")

_SO_NETNS_COOKIE: Final = 71
"""include/uapi/asm-generic/socket.h, since 5.14"""
_FIRST: Final = Path("/proc/1/ns/net")
_OWN: Final = Path(namespaces.OWN_WAY)
_NAME: Final = re.compile(r"[A-Za-z0-9_.@:-]{1,255}")


class Space(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``host``: the node's own, which is there again after a boot. ``cookie``, ``boot`` None: not known."""

    name: str
    path: str
    inode: int
    cookie: int | None = None
    boot: str | None = None
    host: bool = False

    @property
    def inside(self) -> str:
        """For titles: where it is, but for the node's own namespace told to somebody who lives in it."""
        return "" if self.host and privileges.in_initial_network() is not False else f" in {self.name}"

    @property
    def key(self) -> str:
        """Another one for each namespace that there was since boot, where the kernel tells that."""
        return HOST if self.host else str(self.cookie or self.inode)


def find(where: Where) -> Space:
    """The namespace that a plan means, on this node now. Raises Incomplete, PermissionMissing."""
    wanted = _wanted(where)
    try:
        with namespaces.opened(wanted) as path:
            inode = Path(path).stat().st_ino
            cookie = _inside(path, inode, _cookie)
    except namespaces.Vanished as error:
        raise Incomplete(f"namespace {where.netns} is not there any more") from error
    except OSError as error:
        kind = PermissionMissing if error.errno in (errno.EPERM, errno.EACCES) else Incomplete
        raise kind(f"namespace {where.netns} cannot be entered: {error.strerror}") from error
    way = _lasting(wanted.path or namespaces.OWN_WAY, inode)
    host = (
        where.netns == HOST
        or inode == privileges.namespace_inode(_FIRST)
        or bool(inode == privileges.namespace_inode(_OWN) and privileges.in_initial_network())
    )
    return Space(name=where.netns, path=way, inode=inode, cookie=cookie, boot=identity.boot(), host=host)


def call(space: Space, work: Callable[[], T]) -> T:
    """What ``work`` returns inside. Raises ``namespaces.Vanished`` where it is gone, and OSError."""
    if not space.host and space.boot is not None and space.boot != identity.boot():
        raise namespaces.Vanished(space.name)
    inode = None if space.host and space.boot != identity.boot() else space.inode
    with namespaces.opened(Namespace(space.name, inode, space.path)) as path:
        found = Path(path).stat().st_ino
        return _inside(path, found, lambda: _checked(space, work))


def tried(work: Callable[[], T]) -> T:
    """What ``work`` returns where nobody else is: rules are tried there. Raises FeatureMissing."""
    try:
        return setns.call_in_new(work)
    except OSError as error:
        raise FeatureMissing(f"no scratch namespace to try rules in: {error.strerror}") from error


def _checked(space: Space, work: Callable[[], T]) -> T:
    if space.cookie is not None and not space.host and _cookie() != space.cookie:
        raise namespaces.Vanished(space.name)
    return work()


def _inside(path: str, inode: int, work: Callable[[], T]) -> T:
    """Entering takes CAP_SYS_ADMIN; the namespace of this process needs no entering."""
    own = inode == privileges.namespace_inode(Path("/proc/thread-self/ns/net"))
    return work() if own else setns.call_in(path, work)


def _wanted(where: Where) -> Namespace:
    if where.path is not None:
        return Namespace(where.netns, where.inode, where.path)
    if where.netns == SELF:
        return Namespace(SELF, where.inode, namespaces.OWN_WAY)
    if where.netns == HOST:
        return _host()
    if _NAME.fullmatch(where.netns) and files.exists(namespaces.NAMED / where.netns):
        return Namespace(where.netns, where.inode, str(namespaces.NAMED / where.netns))
    for one in namespaces.find()[0]:
        if one.name == where.netns and one.path is not None:
            return one
    raise Incomplete(f"there is no namespace {where.netns} on this node")


def _host() -> Namespace:
    """The node's own, whatever its number was when the plan was made. Raises Incomplete."""
    if privileges.in_initial_network():
        return Namespace(HOST, None, namespaces.OWN_WAY)
    if privileges.namespace_inode(_FIRST) is not None:
        return Namespace(HOST, None, str(_FIRST))
    # Process 1 may be closed even to root; another process of the node is a way in, too.
    found = next((one for one in namespaces.find()[0] if one.name == HOST and one.path is not None), None)
    if found is None:
        raise Incomplete("the node's own namespace cannot be entered from here")
    return found


def _lasting(path: str, inode: int) -> str:
    """A way that another process can take later, too."""
    if not path.startswith("/proc/self/"):
        return path
    if inode == privileges.namespace_inode(_FIRST):
        return str(_FIRST)
    mounts = [mount for number, mount in sightings.mounts(Path("/proc")) if number == inode]
    return mounts[0] if mounts else f"/proc/{os.getpid()}/ns/net"


def _cookie() -> int | None:
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        return int.from_bytes(one.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), "little")
    return None

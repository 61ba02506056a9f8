"""Places without a name that end with this process, however it ends.

A network namespace, and a directory in memory, live as long as a descriptor of ours leads to them.
Nothing is mounted where anybody else sees it and no process is started, so a kill at any moment
leaves nothing behind; the kernel takes down the namespace's interfaces, rules and entries itself
(cleanup_net in net/core/net_namespace.c).
"""

from __future__ import annotations

import contextlib
import ctypes
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self, TypeVar

from halftrack.kernel import setns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

_CLONE_NEWNS: Final = 0x00020000
_MS_REC: Final = 0x4000
_MS_PRIVATE: Final = 0x40000
_DIRECTORY: Final = b"/tmp"  # covered for one thread that ends at once: nobody else's is touched
_SIZE: Final = b"size=64m,mode=0700"
PASSING: Final = {"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1"}
"""For ``Netns.set``: it routes."""
ANY_WAY: Final = {"ipv4/conf/all/rp_filter": "0", "ipv4/conf/default/rp_filter": "0"}
"""Likewise: packets may come from where their answers do not go."""
_libc = ctypes.CDLL(None, use_errno=True)


class _Held:
    """``path``: a way that every thread of this process can take, for as long as it is open."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        # Not /proc/self: who is given the path may look for another that leads there, too.
        self.path = f"/proc/{Path('/proc/self').readlink()}/fd/{fd}"

    def close(self) -> None:
        os.close(self._fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Netns(_Held):
    """A new network namespace. Needs CAP_SYS_ADMIN; raises OSError where none can be made."""

    def __init__(self) -> None:
        super().__init__(
            setns.call_in_new(lambda: os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        )
        self.inode = os.fstat(self._fd).st_ino

    @property
    def fd(self) -> int:
        return self._fd

    def call(self, work: Callable[[], T]) -> T:
        """What ``work`` returns or raises inside."""
        return setns.call_in(self.path, work)

    def set(self, values: Mapping[str, str]) -> None:
        """Sysctls below ``net/``; what this kernel does not have is left out. Raises OSError."""

        def write() -> None:
            for name, value in values.items():
                with contextlib.suppress(FileNotFoundError):  # a kernel without IPv6
                    (Path("/proc/sys/net") / name).write_text(value, encoding="ascii")

        self.call(write)


class Directory(_Held):
    """A new directory in memory, for root alone. Needs CAP_SYS_ADMIN; raises OSError."""

    def __init__(self) -> None:
        super().__init__(_mounted())


def _mounted() -> int:
    """A descriptor that holds a tmpfs whose mount namespace has ended."""

    def mount() -> int:
        _call(_libc.unshare(_CLONE_NEWNS))
        _call(_libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None))
        _call(_libc.mount(b"tmpfs", _DIRECTORY, b"tmpfs", 0, _SIZE))
        return os.open(_DIRECTORY, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    return setns.in_thread(mount, "a scratch directory")


def _call(result: int) -> None:
    if result:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), "a scratch directory")

"""Network namespaces of a test's own, and running things inside them."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.kernel.setns import call_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeVar

    T = TypeVar("T")


class Netns:
    """A scratch network namespace: ``name`` for ip(8), ``path`` for setns(2)."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.path = f"/run/netns/{name}"

    @property
    def inode(self) -> int:
        return Path(self.path).stat().st_ino

    def run(self, *words: str, stdin: str | None = None) -> str:
        """Run a command inside; its standard output. Raises CalledProcessError with what it said."""
        return sh("ip", "netns", "exec", self.name, *words, stdin=stdin)

    def call(self, work: Callable[[], T]) -> T:
        """Run a function inside, in a thread of its own."""
        return call_in(self.path, work)

    def sysctl(self, name: str, value: int | str) -> None:
        """Set a sysctl of this namespace, e.g. ``nf_conntrack_acct``."""
        target = Path("/proc/sys/net/netfilter") / name
        self.call(lambda: target.write_text(str(value), encoding="ascii"))


@contextlib.contextmanager
def scratch_netns(label: str = "t") -> Iterator[Netns]:
    """A new namespace with loopback up, removed afterwards whatever happens."""
    netns = Netns(f"ht-{label}-{os.getpid()}-{secrets.token_hex(3)}")
    sh("ip", "netns", "add", netns.name)
    try:
        netns.run("ip", "link", "set", "lo", "up")
        yield netns
    finally:
        sh("ip", "netns", "delete", netns.name)


def sh(*words: str, stdin: str | None = None) -> str:
    """Run a command; its standard output. Raises CalledProcessError with what it said."""
    done = subprocess.run(words, input=stdin, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, words, done.stdout, done.stderr)
    return done.stdout

"""Processes inside namespaces, as containers would have them."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def process_in(netns: str | None, command: str = "sleep") -> Iterator[subprocess.Popen[bytes]]:
    """A process that calls itself ``command``; in a new namespace where ``netns`` is None."""
    inside = ["unshare", "-n"] if netns is None else ["ip", "netns", "exec", netns]
    rename = f"open('/proc/self/comm','w').write({command!r}); print(flush=True); input()"
    words = [*inside, sys.executable, "-c", rename]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()

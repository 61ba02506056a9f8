"""How a command is typed so that it runs in a network namespace."""

from __future__ import annotations

import shlex
from pathlib import PurePosixPath
from typing import Final

_MOUNTS: Final = ("/run/netns", "/var/run/netns")


def into(path: str | None, pid: int | None = None) -> str:
    """What goes before the command; ends in a space, or is empty where no way is known.

    ``path``: a file that stands for the namespace; the name by which ip(8) knows it goes before all else.
    """
    if path is not None:
        named = PurePosixPath(path)
        if str(named.parent) in _MOUNTS and not named.name.startswith("-"):
            return f"ip netns exec {shlex.quote(named.name)} "
    if pid is not None:
        return f"nsenter -t {pid} -n "
    return f"nsenter --net={shlex.quote(path)} " if path is not None else ""

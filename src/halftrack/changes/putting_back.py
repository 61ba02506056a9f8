"""The command that puts drained entries into the table they were taken from, as far as that goes."""

from __future__ import annotations

import contextlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final

from halftrack.changes import spaces
from halftrack.errors import HalftrackError
from halftrack.evidence.values import HOST
from halftrack.kernel import identity, namespaces, privileges
from halftrack.plans import ways

if TYPE_CHECKING:
    from halftrack.plans.actions import Where

_FIRST_PROCESS: Final = 1


def command(where: Where, file: str, boot: str | None) -> str | None:
    """To be pasted where this program runs. None where no way into the namespace is known any more.

    ``boot``: the id of the boot in which the entries were drained: other namespaces end with it.
    """
    way = _way(where, boot)
    return None if way is None else f"{way}conntrack -R {shlex.quote(file)}"


def _way(where: Where, boot: str | None) -> str | None:
    same_boot = boot in (None, identity.boot())
    own = privileges.namespace_inode(Path(namespaces.OWN_WAY))
    if same_boot and own is not None and own == where.inode:
        return ""
    if where.netns == HOST:
        here = privileges.in_initial_network() is not False
        return "" if here else ways.into(None, _FIRST_PROCESS)
    if not same_boot:
        return None
    path = _path(where)
    return None if path is None else ways.into(path)


def _path(where: Where) -> str | None:
    with contextlib.suppress(HalftrackError):
        return spaces.find(where).path
    if where.path is None or not where.path.startswith("/proc/"):
        return None
    # The process that led there may have ended, and the namespace live on.
    found = namespaces.find()[0] if where.inode is not None else ()
    return next((one.path for one in found if one.inode == where.inode and one.path is not None), None)

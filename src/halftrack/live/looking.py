"""The first look at every namespace: how full it is, what it counted, and whether it may be entered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from halftrack.kernel import namespaces, privileges, survey, sysctl

if TYPE_CHECKING:
    from halftrack.live.place import Place


def around(places: list[Place], known: list[Place] | None = None, *, closer: bool = False) -> None:
    """Look at every place that was not yet; one seen from inside and from outside stays once.

    ``closer``: see ``survey.look``.
    """
    all_of_them = places if known is None else known
    own = all_of_them[0].look
    shared = (
        own.limits
        if own and privileges.in_initial_network() and not Path("/proc/vz").exists()
        else sysctl.Limits()
    )
    new = [place for place in places if place.look is None]
    for place, result in zip(
        new, survey.visit([p.namespace for p in new], lambda _: survey.look(closer=closer)), strict=True
    ):
        if isinstance(result, survey.Look):
            place.look = result
        elif isinstance(result, namespaces.Vanished):
            place.vanished = True
        else:
            place.denied = True
            pid = place.namespace.pid
            place.look = survey.look_from_outside(pid, shared) if pid is not None else None
    gone = [place for place in new if place.vanished]
    mounted = namespaces.mounted() if gone else set()
    for place in gone:
        place.covered = place.namespace.inode in mounted
    entered = {place.look.net for place in all_of_them if place.look and place.look.inside}
    places[:] = [place for place in places if not (place.denied and place.look and place.look.net in entered)]

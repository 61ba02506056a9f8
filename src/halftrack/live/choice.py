"""Which namespaces' entries are read: ``--netns NAME|PATH|self|host|all``, or those worth it."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from halftrack.errors import PermissionMissing, UsageError
from halftrack.evidence.values import ALL, HOST, SELF
from halftrack.kernel import files, namespaces, privileges
from halftrack.live.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from halftrack.evidence.values import Owner

_LISTED: Final = 12


def choose(netns: str | None, places: list[Place], owners: Callable[[], Sequence[Owner]]) -> None:
    """Mark what is wanted; ``places``: our own first, all of them looked at.

    A path to a namespace that nothing else showed is added. Raises UsageError where nothing is
    called so, PermissionMissing where a path may not be opened.
    """
    if netns is None:
        for place in places:
            place.wanted = place.own or place.namespace.name == HOST or _worth_reading(place)
    elif netns == ALL:
        for place in places:
            place.wanted = True
    else:
        one = _named(netns, places, owners)
        for place in places:
            place.wanted = place.asked = place is one
            place.beside = place is not one


def _worth_reading(place: Place) -> bool:
    """What could not even be counted might be."""
    return not place.vanished and (place.look is None or place.look.worth_reading)


def _named(netns: str, places: list[Place], owners: Callable[[], Sequence[Owner]]) -> Place:
    if netns == SELF:
        return places[0]
    if "/" in netns:
        return _at(netns, places)
    found = [place for place in places if place.namespace.name == netns]
    if not found and netns == HOST:
        if privileges.in_container():
            return places[0]
        raise UsageError("process 1's network namespace cannot be told from here; name one by its path")
    if not found:
        inodes = {one.netns_inode for one in owners() if netns in (one.name, one.id)} - {None}
        found = [place for place in places if place.namespace.inode in inodes]
    if not found and files.exists(namespaces.NAMED / netns):
        return _at(str(namespaces.NAMED / netns), places)  # it says what it takes to open that
    if not found:
        raise UsageError(f"no network namespace is called {netns!r}; there are {_list(places)}")
    if len(found) > 1:
        raise UsageError(f"{len(found)} network namespaces are called {netns!r}: {_list(found)}")
    return found[0]


def _at(path: str, places: list[Place]) -> Place:
    try:
        namespace = namespaces.at(path)
    except ValueError:
        raise UsageError(f"{path} is not a network namespace") from None
    except PermissionError:
        needed = ", ".join(privileges.missing(privileges.TO_READ_OTHERS)) or "root on the node itself"
        raise PermissionMissing(f"opening {path} needs {needed}") from None
    except OSError as error:
        what = "does not exist" if error.errno == errno.ENOENT else f"cannot be opened: {error.strerror}"
        raise UsageError(f"{path} {what}") from None
    for place in places:
        if place.namespace.inode == namespace.inode:
            return place
    places.append(Place(namespace))
    return places[-1]


def _list(places: Sequence[Place]) -> str:
    names = [place.namespace.name for place in places if not place.vanished]
    return ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")

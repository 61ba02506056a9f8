"""What the examination of a live node could not see, in words: what, why, what would open it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.tells import OF_COUNTERS, OF_ENTRIES, OF_SHAPING, OF_SOCKETS, OF_TCP
from halftrack.evidence.values import HOST, Gap
from halftrack.kernel import privileges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.live.entries import Trouble
    from halftrack.live.place import Place

_NO_COUNTERS: Final = "/proc/net/stat does not show them here (it belongs to other processes, or is missing)"
LATE: Final = "the time was up"
ENDED: Final = "it ended during the examination"
COVERED: Final = "another mount lies over its own, and no process lives in it: nothing leads there"

_ALONE: Final = {
    "memory": "reading them takes more memory than is free",
    "missing": "the kernel does not show them",
    "failed": "reading them failed",
}


def of(places: Sequence[Place], *, in_container: bool) -> Iterator[Gap]:
    """Gaps of tables first, then of sockets."""
    for place in places:
        if place.vanished:
            yield _ended(place, (*OF_ENTRIES, *OF_COUNTERS))
    seen = [place for place in places if not place.vanished]
    own = next((place for place in seen if place.own), None)
    if own is not None and own.look is not None and own.look.limits.count is None:
        yield Gap(
            what=f"connection table of {_mine(own, in_container=in_container)}",
            why="the kernel does not track connections: nf_conntrack is not loaded",
            netns=own.namespace.name,
        )
    for place in seen:
        yield from _of_entries(place, in_container=in_container)
    yield from _denied([place for place in seen if not place.own and _trouble(place) == "denied"])
    yield from _unread([place for place in seen if _trouble(place) == "late" and not _has_flows(place)])
    yield from _of_sockets(seen, in_container=in_container)
    for place in seen:
        yield from _of_counters(place, in_container=in_container)
        yield from _of_depth(place)


def of_rules(places: Sequence[Place]) -> list[Gap]:
    """Of those whose rules were wanted, as connected sockets have no entry there, and came too late."""
    what = "what the rules of {} do with packets of sockets that have no entry"
    return [
        Gap(
            what.format(place.namespace.name),
            f"{LATE} before they were listed",
            (),
            ("forgotten",),
            place.namespace.name,
        )
        for place in places
        if place.rules is None and not place.vanished
    ]


def _ended(place: Place, would_tell: tuple[str, ...]) -> Gap:
    """What ended took its troubles with it, so that only who asked for it misses something.

    One that nobody can get into goes on: entries may stick in it, and its interfaces forward.
    """
    name = place.namespace.name
    why = COVERED if place.covered else ENDED
    return Gap(f"namespace {name}", why, (), would_tell if place.asked or place.covered else (), name)


def _of_counters(place: Place, *, in_container: bool) -> Iterator[Gap]:
    """Whether connections are being dropped now is told by two readings alone."""
    name = place.namespace.name
    if place.ended:
        yield _ended(place, OF_COUNTERS)
    elif place.wanted and place.look and place.look.limits.count is not None and place.look.reading is None:
        whose = _mine(place, in_container=in_container) if place.own else name
        yield Gap(f"drop counters of {whose}", _NO_COUNTERS, (), OF_COUNTERS, name)


def _of_depth(place: Place) -> Iterator[Gap]:
    """What was to tell why entries are stuck."""
    if place.depth is None:
        return
    name = place.namespace.name
    if place.depth.no_sockets:
        yield Gap(f"round-trip times of the sockets of {name}", place.depth.no_sockets, (), OF_TCP, name)
    for what in {each for reading in place.depth.shaping for each in reading.unread}:
        yield Gap(f"traffic control of {name}", what, (), OF_SHAPING, name)


def _trouble(place: Place) -> Trouble | None:
    return place.entries.trouble if place.entries else None


def _has_flows(place: Place) -> bool:
    return place.entries is not None and place.entries.flows is not None


def _mine(place: Place, *, in_container: bool) -> str:
    if in_container:
        return "this container"
    return "this node" if place.namespace.name == HOST else place.namespace.name


def _of_entries(place: Place, *, in_container: bool) -> Iterator[Gap]:
    """Troubles of one table that are told for it alone."""
    trouble, name = _trouble(place), place.namespace.name
    whose = _mine(place, in_container=in_container) if place.own else name
    if trouble == "denied" and place.own:
        needs = _needs(privileges.TO_READ_OWN)
        yield Gap(f"entries of {whose}", _why("reading them"), needs, OF_ENTRIES, name)
    elif trouble in _ALONE and place.entries is not None:
        reason = f" ({place.entries.reason})" if place.entries.reason else ""
        yield Gap(f"entries of {whose}", _ALONE[trouble] + reason, (), OF_ENTRIES, name)
    elif trouble == "late" and _has_flows(place):
        yield Gap(f"the rest of the entries of {whose}", LATE, (), OF_ENTRIES, name)
    elif trouble in ("text", "text-denied"):
        denied = trouble == "text-denied"
        yield Gap(
            what=f"TCP flags of the entries of {whose}, which prove a mid-stream pick-up",
            why="ctnetlink is not permitted, /proc does not show them"
            if denied
            else "the kernel has no ctnetlink, /proc does not show them",
            needs=_needs(privileges.TO_READ_OWN) if denied else (),
            netns=name,
        )


def _denied(places: Sequence[Place]) -> Iterator[Gap]:
    if places:
        needs = _needs(
            privileges.TO_READ_OTHERS if any(_by_process(p) for p in places) else privileges.TO_READ_MOUNTED
        )
        yield Gap(f"entries of {_several(places)}", _why("entering them"), needs, OF_ENTRIES, _single(places))


def _by_process(place: Place) -> bool:
    return place.namespace.path is None or place.namespace.path.startswith("/proc/")


def _unread(places: Sequence[Place]) -> Iterator[Gap]:
    if places:
        yield Gap(f"entries of {_several(places)}", LATE, (), OF_ENTRIES, _single(places))


def _of_sockets(places: Sequence[Place], *, in_container: bool) -> Iterator[Gap]:
    shut = [place for place in places if place.denied]
    if shut:
        needs = _needs(privileges.TO_ENTER_OTHERS)
        yield Gap(f"sockets of {_several(shut)}", _why("entering them"), needs, OF_SOCKETS, _single(shut))
    late = [place for place in places if place.details and place.details.no_sockets == LATE]
    if late:
        yield Gap(f"sockets of {_several(late)}", LATE, (), OF_SOCKETS, _single(late))
    for place in places:
        reason = place.details.no_sockets if place.details else ""
        if reason and reason != LATE:
            whose = _mine(place, in_container=in_container) if place.own else place.namespace.name
            yield Gap(f"sockets of {whose}", reason, (), OF_SOCKETS, place.namespace.name)


def _several(places: Sequence[Place]) -> str:
    return places[0].namespace.name if len(places) == 1 else f"{len(places):,} other namespaces"


def _single(places: Sequence[Place]) -> str | None:
    return places[0].namespace.name if len(places) == 1 else None


def _needs(capabilities: tuple[str, ...]) -> tuple[str, ...]:
    """Those that are missing; all of them where they are held but count for nothing here."""
    return privileges.missing(capabilities) or capabilities


def _why(doing: str) -> str:
    if privileges.confined():
        return f"{doing} is not permitted from within a user namespace"
    return f"{doing} is not permitted"

"""What the routes of a case's namespaces say about packets that pass by another way than their answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.diagnosis.causes import home
from halftrack.diagnosis.causes.weighing import Clue
from halftrack.diagnosis.occupancy import rise
from halftrack.evidence import addresses, stack
from halftrack.evidence.routing import LOOPBACK
from halftrack.evidence.uapi import AF_INET, AF_INET6

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.diagnosis.case import Case
    from halftrack.diagnosis.causes.home import Home
    from halftrack.evidence.routing import DefaultRoute, Routing, WayBack
    from halftrack.evidence.values import Table

_REVERSE_PATH: Final = "TcpExt.IPReversePathFilter"


def missing(case: Case) -> tuple[str, ...]:
    """What would tell the way of both directions, and why what was read does not."""
    at = home.of(case)
    asked = _of(at, at.table.routing) if at is not None and at.table.routing is not None else None
    untold = [way.untold for way in asked or () if way.untold]
    if asked is None or untold or case.view.table.routing is None:
        told = ("the way of both directions: ip route get; tcpdump on both interfaces",)
    else:
        told = ("the way of both directions: tcpdump on both interfaces",)
    if asked is None or not untold:
        return told
    return (f"which way {len(untold)} of {len(asked)} answers take: {untold[0]}", *told)


def of_both_directions(case: Case) -> Iterator[Clue]:
    """For and against another way for one of the directions, as the node's own routes tell it."""
    at, near = home.of(case), case.view.table
    if near.routing is not None:
        yield from _of_choices(near.routing, f"routes of {near.netns} (rtnetlink)")
    yield from _turned_away(near)
    if at is not None and at.table.routing is not None and near.routing is not None:
        yield from _only_one(at.table, at.table.routing, near)


def of_answers(case: Case) -> Iterator[Clue]:
    """For answers that do not leave by where their questions come in."""
    at = home.of(case)
    if at is None or at.table.routing is None:
        return
    nowhere = _without_wire(at.table)
    known = [
        way
        for way in _of(at, at.table.routing)
        if None not in (way.expected, way.interface) and way.expected not in nowhere
    ]
    astray = [way for way in known if way.astray]
    if astray:
        one = astray[0]
        what = (
            f"share of {len(known)} answers that would not leave by {one.expected}, where their questions"
            f" come in, e.g. to {one.peer} by {one.interface}"
        )
        where = f"routes of {at.name} (rtnetlink)"
        yield Clue(what, round(len(astray) / len(known), 2), where, 0.5, own=True)


def _of(at: Home, routing: Routing) -> Sequence[WayBack]:
    """Ways from its own address, where any were asked for."""
    own = addresses.to_text(at.hi, at.lo)
    return [way for way in routing.ways if way.local == own] or routing.ways


def _without_wire(table: Table) -> set[str]:
    """Interfaces by which nothing comes in, whatever addresses they have."""
    seen = table.shaping[-1].interfaces if table.shaping else ()
    return {LOOPBACK, *(each.name for each in seen if each.kind == "dummy")}


def _of_choices(routing: Routing, where: str) -> Iterator[Clue]:
    for family in (AF_INET, AF_INET6):
        several = sorted({route.interface for route in routing.defaults if route.family == family})
        if len(several) > 1:
            what = f"interfaces with a default route: {', '.join(several)}"
            yield Clue(what, len(several), where, 0.2)
    if routing.rules:
        yield Clue("policy rules that choose between routing tables", routing.rules, where, 0.1)


def _turned_away(near: Table) -> Iterator[Clue]:
    """The kernel itself says that packets came by a way that their answers would not take."""
    ever, now = stack.total(near.stack, _REVERSE_PATH), stack.rise(near.stack, _REVERSE_PATH)
    where = f"/proc/net/netstat of {near.netns}"
    if now:
        what = "packets dropped meanwhile because their answers would leave by another interface (rp_filter)"
        yield Clue(what, now, where, 0.4, own=True)
    elif ever:
        what = "packets ever dropped because their answers would leave by another interface (rp_filter)"
        yield Clue(what, ever, where, 0.1)


def _only_one(owner: Table, routing: Routing, near: Table) -> Iterator[Clue]:
    """An owner whose one way out is this node's own address: nothing of it can pass elsewhere."""
    if owner is near or routing.rules or any(way.astray for way in routing.ways):
        return
    gateway = _gateway(routing.defaults)
    if gateway is not None and gateway in {one.address for one in near.addresses or ()}:
        what = "the only default route of the owner leads through this node, there and back"
        yield Clue(what, gateway, f"routes of {owner.netns} (rtnetlink)", -0.5)


def through_another(case: Case) -> Iterator[Clue]:
    """For and against a server that answers through another machine."""
    at, near = home.of(case), case.view.table
    if at is None or at.table is near or at.table.routing is None or near.addresses is None:
        return
    gateway = _gateway(at.table.routing.defaults)
    if gateway is None:
        return
    where = f"routes of {at.name} (rtnetlink)"
    if gateway in {one.address for one in near.addresses}:
        yield Clue("the owner's answers leave through this node", gateway, where, -0.6)
    else:
        yield Clue("the owner's answers leave through another machine", gateway, where, 0.5, own=True)


def _gateway(defaults: tuple[DefaultRoute, ...]) -> str | None:
    """The one IPv4 gateway; None where there is none or a choice."""
    found = {route.gateway for route in defaults if route.family == AF_INET}
    return found.pop() if len(found) == 1 else None


def invalid(case: Case) -> Clue | None:
    """Packets that fit no entry as it is: of a connection of which one half is seen there are many."""
    counted, over_s = rise(case.view.table)
    if over_s is None or not counted.get("invalid"):
        return None
    what = f"packets in {over_s} s that the tracker found invalid"
    return Clue(what, counted["invalid"], f"/proc/net/stat/nf_conntrack of {case.view.netns}", 0.1)

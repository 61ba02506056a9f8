"""Where connected sockets have no entry: there the rules are read, and what is known of those sockets.

A first look at the sockets tells; of a busy node some have none yet, so that it is looked at more closely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.forgotten import CONNECTED, ENDS, compared, passing
from halftrack.evidence import uapi
from halftrack.evidence.values import HOST
from halftrack.kernel import privileges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.live.place import Place

MOST: Final = 8
"""Tables whose rules are read: those that most sockets have no entry in."""
_NO_ENDS: Final = {end: pl.UInt16 if end.endswith("port") else pl.UInt64 for end in ENDS}


def choose(places: Sequence[Place]) -> tuple[list[Place], list[Place]]:
    """Places whose rules are wanted, and those whose sockets are.

    Only of tables that were read whole. Whoever may not list rules is asked for nothing.
    """
    if privileges.missing(privileges.TO_LIST_RULES):
        return [], []
    found: list[tuple[int, Place, list[Place]]] = []
    tables = [each.table() for each in places]
    routed = {number: passing(_connected(one), tables[number], tables) for number, one in enumerate(places)}
    for own, place in enumerate(places):
        if not _is_whole(place) or place.entries is None or place.entries.flows is None:
            continue
        others = routed if _leads_through(place) else {}
        frames = [_connected(place).with_columns(place=pl.lit(own, pl.UInt32))]
        frames += [
            rows.with_columns(place=pl.lit(number, pl.UInt32))
            for number, rows in others.items()
            if number != own and rows.height
        ]
        rows = pl.concat(frames)
        if rows.is_empty():
            continue
        lacking = compared(place.entries.flows.frame, rows, own).filter("lacks")
        if lacking.height:
            homes = [places[number] for number in lacking["place"].unique(maintain_order=True)]
            found.append((lacking.height, place, homes))
    found.sort(key=lambda one: -one[0])
    sockets = {id(each): each for _, _, homes in found[:MOST] for each in homes}
    return [place for _, place, _ in found[:MOST]], list(sockets.values())


def _connected(place: Place) -> pl.DataFrame:
    """Ends of its connected TCP sockets; none where they were not read."""
    sockets = place.details.sockets if place.details else None
    if sockets is None:
        return pl.DataFrame(schema=_NO_ENDS)
    connected = (pl.col("l4proto") == uapi.IPPROTO_TCP) & pl.col("state").is_in(CONNECTED)
    return sockets.frame.filter(connected).select(ENDS)


def read_rules(places: Sequence[Place]) -> None:
    """Into each place."""
    from halftrack.live import rules  # noqa: PLC0415  # the readers of rules, where they are wanted

    for place in places:
        place.rules = rules.of(place.namespace, rules.AFFORDABLE)


def _is_whole(place: Place) -> bool:
    entries = place.entries
    return (
        entries is not None
        and entries.flows is not None
        and entries.trouble is None
        and not entries.unreadable
    )


def _leads_through(place: Place) -> bool:
    """Whether packets of other namespaces pass here on their way out of the node."""
    return place.namespace.name == HOST or place.own

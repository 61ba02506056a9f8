"""Where connected sockets have no entry: there the rules are read, and what is known of those sockets.

A first look at the sockets tells; of a busy node some have none yet, so that it is looked at more closely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.diagnosis.forgotten import CONNECTED, lacking, passing
from halftrack.evidence import uapi
from halftrack.evidence.values import HOST
from halftrack.kernel import privileges

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.evidence.values import Table
    from halftrack.live.place import Place

MOST: Final = 8
"""Tables whose rules are read: those that most sockets have no entry in."""
_MOST_RULES: Final = 4 << 20
"""Characters; of more, half a second would not do."""


def choose(places: Sequence[Place]) -> tuple[list[Place], list[Place]]:
    """Places whose rules are wanted, and those whose sockets are.

    Only of tables that were read whole. Whoever may not list rules is asked for nothing.
    """
    if privileges.missing(("CAP_NET_ADMIN",)):
        return [], []
    found: list[tuple[int, Place, list[Place]]] = []
    tables = [each.table() for each in places]
    for place in places:
        if not _is_whole(place):
            continue
        counted = [
            (home, _without(place, tables[number] if home is not place else None, home, tables))
            for number, home in enumerate(places)
            if home is place or _leads_through(place)
        ]
        number = sum(count for _, count in counted)
        if number:
            found.append((number, place, [each for each, count in counted if count]))
    found.sort(key=lambda one: -one[0])
    sockets = {id(each): each for _, _, homes in found[:MOST] for each in homes}
    return [place for _, place, _ in found[:MOST]], list(sockets.values())


def read_rules(places: Sequence[Place]) -> None:
    """Into each place."""
    from halftrack.live import rules  # noqa: PLC0415  # the readers of rules, where they are wanted

    for place in places:
        place.rules = rules.of(place.namespace, _MOST_RULES)


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


def _without(place: Place, elsewhere: Table | None, home: Place, tables: Sequence[Table]) -> int:
    """Connected sockets of ``home`` that have no entry in the table of ``place``.

    ``elsewhere``: what is known of ``home``, one of ``tables``, where that is another namespace.
    """
    flows = place.entries.flows if place.entries else None
    sockets = home.details.sockets if home.details else None
    if flows is None or sockets is None:
        return 0
    rows = sockets.frame.filter(pl.col("l4proto") == uapi.IPPROTO_TCP, pl.col("state").is_in(CONNECTED))
    if rows.height and elsewhere is not None:
        rows = passing(rows, elsewhere, tables)
    if rows.is_empty():
        return 0
    lacks = lacking(flows.frame, rows)
    return 0 if elsewhere is not None and lacks.all() else int(lacks.sum())

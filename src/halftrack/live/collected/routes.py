"""Which way answers take, by the routes that were sent: for the ends that would be asked for on the node."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from halftrack.evidence import addresses
from halftrack.formats import routing
from halftrack.live.entries import Entries
from halftrack.live.place import Details, Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from halftrack.evidence.values import LocalAddress, Table

UNTOLD = "stand-ins do not tell in which network an address is"


def told(tables: Sequence[Table], texts: Iterable[Mapping[str, str]]) -> list[Table]:
    """The tables, each with its routing where ``texts``, what was sent of each, hold any."""
    sent = [{what: text for what, text in its.items() if routing.is_text_of(what)} for its in texts]
    if not any(sent):
        return list(tables)
    from halftrack.live import affected  # noqa: PLC0415  # heavy, and seldom wanted

    places = [_place(table) for table in tables]
    affected.choose(places)
    return [
        replace(table, routing=routing.read(its, place.ends, table.addresses or (), table.settings))
        for table, its, place in zip(tables, sent, places, strict=True)
    ]


def without_ways(table: Table) -> Table:
    """Where addresses do not tell in which network they are."""
    if table.routing is None:
        return table
    ways = tuple(replace(way, interface=None, untold=UNTOLD) for way in table.routing.ways)
    return replace(table, routing=replace(table.routing, ways=ways))


def _place(table: Table) -> Place:
    """As on the node, as far as the choice of ends goes by it."""
    known = None if table.addresses is None else tuple(_that_are_some(table.addresses))
    return Place(
        table.namespace,
        entries=None if table.flows is None else Entries(table.flows),
        details=Details(table.settings, known, None, tracking=table.tracking),
    )


def _that_are_some(told: Iterable[LocalAddress]) -> Iterator[LocalAddress]:
    for each in told:
        with contextlib.suppress(ValueError):
            addresses.parse(each.address)
            yield each

"""Names of services, of groups and of those that they talk to, as the node's rules have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halftrack.diagnosis.document import Group
    from halftrack.evidence.values import Front

_Place: TypeAlias = tuple[str | None, str | None]


def named(groups: Sequence[Group], fronts: Sequence[Front]) -> tuple[Group, ...]:
    """The groups with ``service_name`` where one is known, the peers of clients likewise."""
    if not any(one.name for one in fronts):
        return tuple(groups)
    names = _names({place for group in groups for place in _places(group)}, fronts)
    return tuple(_named(group, names) for group in groups)


def _named(group: Group, names: dict[_Place, str | None]) -> Group:
    peers = group.top_peers
    if group.side == "client":
        peers = tuple(
            msgspec.structs.replace(peer, service_name=names.get((peer.address, group.service)))
            for peer in peers
        )
    own = None if group.side == "client" else names.get((group.address, group.service))
    return msgspec.structs.replace(group, service_name=own, top_peers=peers)


def _places(group: Group) -> Iterator[_Place]:
    yield group.address, group.service
    for peer in group.top_peers:
        yield peer.address, group.service


def _names(wanted: set[_Place], fronts: Iterable[Front]) -> dict[_Place, str | None]:
    """By address and service, as ``tcp/80``; what two services share has no name."""
    found: dict[_Place, str | None] = {}
    for front in fronts:
        for address, port in ((front.address, front.port), *front.ends):
            place = address, f"{front.protocol}/{port}"
            if front.name is not None and place in wanted:
                found[place] = front.name if found.get(place, front.name) == front.name else None
    return found

"""Ports of the node that its rules lead to one container, whoever wrote those rules."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from halftrack.evidence.values import PublishedPort

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from halftrack.evidence.values import Front, Owner


def published(
    owners: Sequence[Owner], fronts: Iterable[Front], own_addresses: Iterable[str]
) -> tuple[Owner, ...]:
    """The owners with the ports that lead to them alone.

    A front counts that is the node's (``own_addresses``: text), that takes all that arrives there, and
    whose only end is an address of one owner and of no other.
    """
    node = {None, *own_addresses}
    holders: dict[str, set[int]] = {}
    for index, owner in enumerate(owners):
        for address in owner.addresses:
            holders.setdefault(address, set()).add(index)
    more: dict[int, set[PublishedPort]] = {}
    for front in fronts:
        if not front.whole or front.address not in node or len(front.ends) != 1:
            continue
        ((address, port),) = front.ends
        holder = holders.get(address, set())
        if len(holder) == 1:
            told = PublishedPort(front.protocol, front.port, port, front.address)
            more.setdefault(next(iter(holder)), set()).add(told)
    return tuple(_with(owner, more.get(index, set())) for index, owner in enumerate(owners))


def _with(owner: Owner, more: set[PublishedPort]) -> Owner:
    """What the runtime said comes first; the same port to the same place is not said twice."""
    known = {(port.protocol, port.host_port, port.port) for port in owner.ports}
    new = {port for port in more if (port.protocol, port.host_port, port.port) not in known}
    ports = sorted(new, key=lambda one: (one.host_port, one.protocol, one.host_address or "", one.port))
    return replace(owner, ports=(*owner.ports, *ports)) if ports else owner

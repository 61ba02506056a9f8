"""One owner for each network namespace, from everything that was said about it.

Containers that share a namespace (a pod, ``--network container:…``) share its addresses, so they
are one owner. What a runtime says counts more than a trace, a trace more than a mount's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.evidence.values import Owner
from halftrack.owners.untrusted import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halftrack.evidence.values import PublishedPort
    from halftrack.owners.node import Node
    from halftrack.owners.runtime import Container


def owners(
    told: Iterable[Container], traced: Iterable[Container], named: Iterable[Container], node: Node
) -> tuple[Owner, ...]:
    """``told``: by runtimes, ``traced``: by traces of processes, ``named``: by mounts. Sorted by name.

    What shares the node's own namespace owns nothing of it and is left out, unless its addresses
    were told.
    """
    groups = _together(
        c for c in told if c.addresses or c.netns_inode not in (None, node.host_inode) or c.ports
    )
    by_inode = {_inode(group, node): group for group in groups}
    by_id = {(c.runtime, c.id): group for group in groups for c in group if c.netns_inode is None}
    for weaker in (*traced, *named):
        if weaker.netns_inode in (None, node.host_inode) or weaker.netns_inode in by_inode:
            continue
        group = by_id.get((weaker.runtime, weaker.id))
        if group is None:
            group = []
            groups.append(group)
        group.append(weaker)
        by_inode[weaker.netns_inode] = group
    return tuple(sorted((_owner(group, node) for group in groups), key=lambda o: (o.name, o.runtime, o.id)))


def _together(containers: Iterable[Container]) -> list[list[Container]]:
    """Grouped by namespace; where that is not known, by pod; else each for itself."""
    groups: dict[object, list[Container]] = {}
    for one in containers:
        key = one.netns_inode or (one.runtime, one.pod[1] if one.pod else one.id)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _inode(group: Sequence[Container], node: Node) -> int | None:
    return next((c.netns_inode for c in group if c.netns_inode not in (None, node.host_inode)), None)


def _owner(group: Sequence[Container], node: Node) -> Owner:
    face = min(group, key=lambda c: (c.infra, not (c.addresses or c.ports)))
    name, identifier = face.pod or (face.name, face.id)
    inode = _inode(group, node)
    return Owner(
        name=name,
        id=short_id(identifier),
        runtime=face.runtime,
        addresses=tuple(dict.fromkeys(_addresses(group, inode, node))),
        netns_inode=inode,
        ports=tuple(sorted({port for one in group for port in one.ports}, key=_by_number)),
    )


def _addresses(group: Sequence[Container], inode: int | None, node: Node) -> Iterator[str]:
    """As told, then as the namespace itself has them."""
    for one in group:
        yield from one.addresses
    pid = next((c.pid for c in group if c.pid is not None and c.netns_inode == inode), None)
    if inode is not None and pid is not None:
        yield from node.addresses(pid)


def _by_number(port: PublishedPort) -> tuple[int, str, str, int]:
    return port.host_port, port.protocol, port.host_address or "", port.port

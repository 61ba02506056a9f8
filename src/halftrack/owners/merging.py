"""One owner for each network namespace, from everything that was said about it.

Containers that share a namespace (a pod, ``--network container:…``) share its addresses, so they
are one owner. What a runtime says counts more than a trace, a trace more than a mount's name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.evidence.values import Owner
from halftrack.owners import kubernetes
from halftrack.owners.untrusted import short_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from halftrack.evidence.values import PublishedPort
    from halftrack.owners.node import Node
    from halftrack.owners.runtime import Container, Pod

_FAMILY: Final = {"incus": "lxc", "lxd": "lxc"}
"""Whose containers are LXC's, and look like it where nobody else is asked."""


def owners(
    told: Iterable[Container], traced: Iterable[Container], named: Iterable[Container], node: Node
) -> tuple[Owner, ...]:
    """``told``: by runtimes, ``traced``: by traces of processes, ``named``: by mounts. Sorted by name.

    What shares the node's own namespace owns nothing of it and is left out, unless its addresses
    were told.
    """
    groups = _together((c for c in told if not _is_the_nodes(c, node) or _is_told(c)), node)
    by_inode = {_inode(group, node): group for group in groups}
    by_identity = {_identity(c): group for group in groups for c in group if c.netns_inode is None}
    for weaker in (*traced, *named):
        if weaker.netns_inode in (None, node.host_inode) or weaker.netns_inode in by_inode:
            continue
        group = by_identity.get(_identity(weaker))
        if group is None:
            group = []
            groups.append(group)
        group.append(weaker)
        by_inode[weaker.netns_inode] = group
    own = (group for group in groups if _inode(group, node) is not None or any(map(_is_told, group)))
    return tuple(sorted((_owner(group, node) for group in own), key=lambda o: (o.name, o.runtime, o.id)))


def _is_the_nodes(one: Container, node: Node) -> bool:
    return one.netns_inode is not None and one.netns_inode == node.host_inode


def _is_told(one: Container) -> bool:
    """Whether a runtime gave it something that an entry can be recognized by."""
    return bool(one.addresses or one.ports)


def _identity(one: Container) -> tuple[str, str]:
    """What the same container or pod is called by everybody."""
    if one.pod is not None:
        return kubernetes.RUNTIME if one.pod.namespace else one.runtime, one.pod.id
    return _FAMILY.get(one.runtime, one.runtime), one.id


def _together(containers: Iterable[Container], node: Node) -> list[list[Container]]:
    """Grouped by namespace; where that is not known or the node's, by pod; else each for itself."""
    listed = list(containers)
    lives = {
        _identity(one): one.netns_inode for one in listed if one.netns_inode not in (None, node.host_inode)
    }
    groups: dict[object, list[Container]] = {}
    for one in listed:
        inode = None if _is_the_nodes(one, node) else one.netns_inode
        key = inode or lives.get(_identity(one)) or _identity(one)
        groups.setdefault(key, []).append(one)
    return list(groups.values())


def _inode(group: Sequence[Container], node: Node) -> int | None:
    return next((c.netns_inode for c in group if c.netns_inode not in (None, node.host_inode)), None)


def _owner(group: Sequence[Container], node: Node) -> Owner:
    face = min(group, key=lambda c: (c.infra, not _is_told(c)))
    pod = _pod(group, face)
    inode = _inode(group, node)
    in_kubernetes = pod is not None and bool(pod.namespace)
    return Owner(
        name=pod.full_name if pod else face.name,
        id=short_id(pod.id if pod else face.id),
        runtime=kubernetes.RUNTIME if in_kubernetes else face.runtime,
        addresses=tuple(dict.fromkeys(_addresses(group, inode, node))),
        netns_inode=inode,
        ports=tuple(sorted({port for one in group for port in one.ports}, key=_by_number)),
        namespace=pod.namespace if pod and in_kubernetes else None,
        pod=pod.name if pod else None,
        workload=pod.workload if pod else None,
    )


def _pod(group: Sequence[Container], face: Container) -> Pod | None:
    """As its sandbox has it, which knows the labels that its author gave."""
    if face.pod is None:
        return None
    return next((c.pod for c in group if c.infra and c.pod and c.pod.id == face.pod.id), face.pod)


def _addresses(group: Sequence[Container], inode: int | None, node: Node) -> Iterator[str]:
    """As told, then as the namespace itself has them."""
    for one in group:
        yield from one.addresses
    pid = next((c.pid for c in group if c.pid is not None and c.netns_inode == inode), None)
    if inode is not None and pid is not None:
        yield from node.addresses(pid)


def _by_number(port: PublishedPort) -> tuple[int, str, str, int]:
    return port.host_port, port.protocol, port.host_address or "", port.port

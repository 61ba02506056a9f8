"""``crictl``: the pods of a CRI runtime whose state lies where nobody told.

It speaks to the runtime's own socket and to nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from halftrack.owners import kubernetes
from halftrack.owners.node import Node, parse_json
from halftrack.owners.runtime import MOST_CONTAINERS, Container, Pod
from halftrack.owners.untrusted import items, mapping, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def pods(node: Node, sockets: Sequence[str]) -> Iterator[Container]:
    """Names of the pods that run behind the first of ``sockets`` that is there. Raises NoAnswer."""
    tool = node.tool("crictl")
    socket = next(filter(node.has, sockets), None)
    if tool is None or socket is None:
        return
    told = node.ask(tool, "--runtime-endpoint", f"unix://{socket}", "pods", "--state", "ready", "-o", "json")
    for item in items(mapping(parse_json(told, "crictl pods")).get("items"))[:MOST_CONTAINERS]:
        said = mapping(item)
        meta, labels = mapping(said.get("metadata")), mapping(said.get("labels"))
        name, space, uid = (text(meta.get(key)) for key in ("name", "namespace", "uid"))
        if name and uid:
            one = Pod(name, uid, space, kubernetes.workload(name, labels) if space else None)
            yield Container(one.full_name, uid, kubernetes.RUNTIME, pod=one)

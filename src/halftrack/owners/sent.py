"""What tools printed on a node of which only that was sent: containers, by what each tool calls them.

No command is run here. ``vzlist``: its lines, with their usual heading, or as ``owners.openvz`` asks for
them; ``listing``: lines of the collecting script, a container each; ``inspect``: JSON of ``docker inspect``
or ``podman inspect``; ``inspectp``: JSON of ``crictl inspectp``; all else are tables (``owners.tables``).
``HEADINGS`` tells what a file is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.owners import docker, kubernetes, openvz, tables
from halftrack.owners.node import Node, parse_json
from halftrack.owners.ports import MOST_PORTS
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container, Pod
from halftrack.owners.untrusted import SHORT_ID, addresses, items, mapping, number, printable, short_id, text

if TYPE_CHECKING:
    from collections.abc import Iterator

VZLIST: Final = "vzlist"
LISTING: Final = "listing"
INSPECT: Final = "inspect"
INSPECTP: Final = "inspectp"
DOCKER_PS: Final = "docker ps"
PODMAN_PS: Final = "podman ps"
NERDCTL_PS: Final = "nerdctl ps"
INCUS_LIST: Final = "incus list"
LXD_LIST: Final = "lxc list"
LXC_LS: Final = "lxc-ls"
PODS: Final = "kubectl get pods"
SANDBOXES: Final = "crictl pods"

_VZLIST: Final = r"\s*(?:CT|VE)ID\s+NPROC\s+STATUS\s+IP_ADDR\s+HOSTNAME\b"
HEADINGS: Final[Mapping[str, str]] = {
    DOCKER_PS: tables.PS,
    INSPECT: r'\s+"Id": "[0-9a-f]{64}",?$',
    INSPECTP: r'\s+"(?:status|info)": \{$',
    VZLIST: _VZLIST,
    INCUS_LIST: tables.INSTANCES,
    LXC_LS: tables.LXC_LS,
    PODS: tables.PODS,
    SANDBOXES: tables.SANDBOXES,
}
"""How a line of each kind begins by which it is known; ``alike`` tells those apart that have one."""
_ALIKE: Final = {
    DOCKER_PS: (("podman", PODMAN_PS), ("nerdctl", NERDCTL_PS)),
    INCUS_LIST: (("lxc", LXD_LIST), ("lxd", LXD_LIST)),
}
_COLUMNS: Final = 5
_ECHOED: Final = 5
"""Lines above a heading, such as the command itself."""
_OF_PODMAN: Final = frozenset({"OCIRuntime", "OCIConfigPath", "ConmonPidFile"})
_RUNTIMES: Final = frozenset({"docker", "podman"})
_MOST_PORTS: Final = 4 * MOST_PORTS
"""Of all containers of a listing: each port on some addresses of the node."""
_ID: Final = re.compile(r"[0-9a-f]{12,64}")


def alike(kind: str, *said: str) -> str:
    """The kind, of those with this heading. ``said``: where the command may stand, as the file's name."""
    words = " ".join(said).lower()
    return next((other for word, other in _ALIKE.get(kind, ()) if word in words), kind)


def is_one(kind: str) -> bool:
    """Whether it is something that is read here."""
    return kind in _READERS


class Sent:
    name = "what was sent"

    def is_present(self, node: Node) -> bool:
        return bool(node.printed)

    def ask(self, node: Node) -> Answer:
        found: dict[str, list[Container]] = defaultdict(list)
        unread = 0
        for kind, told in node.printed:
            try:
                found[kind] += _bounded(_READERS[kind](node, told))
            except NoAnswer:
                unread += 1
        best = list(_best(found))
        lacks = f"{unread} listings of containers make no sense" if unread else None
        return Answer(tuple(best[:MOST_CONTAINERS]), lacks)


def _bounded(some: Iterable[Container]) -> Iterator[Container]:
    """Raises NoAnswer from where they would have more ports than any node: ranges of them take few bytes."""
    left = _MOST_PORTS
    for one in some:
        left -= len(one.ports)
        if left < 0:
            raise NoAnswer("more ports than a node has")
        yield one


def _best(found: Mapping[str, list[Container]]) -> Iterator[Container]:
    """Without what others know better: tables show the beginning of an id, or a pod by its name alone.

    Of the pods of a whole cluster those that run here, where ``crictl`` tells which these are.
    """
    everybody = [one for some in found.values() for one in some]
    whole = {one.id[:SHORT_ID] for one in everybody if len(one.id) > SHORT_ID}
    by_uid = {one.name for one in found.get(INSPECTP, ())}
    here = {one.name for one in found.get(SANDBOXES, ())}
    for kind, some in found.items():
        for one in some:
            elsewhere = kind == PODS and bool(here) and one.name not in here
            better = one.name in by_uid if kind in {PODS, SANDBOXES} else one.id in whole
            if not (elsewhere or better):
                yield one


def _of_vzlist(_: Node, told: str) -> Iterator[Container]:
    lines = told.splitlines()[: MOST_CONTAINERS + 1]
    at = next((number for number, line in enumerate(lines[:_ECHOED]) if re.match(_VZLIST, line)), None)
    headed = at is not None
    lines = lines if at is None else lines[at + 1 :]
    if headed:
        rows = (line.split() for line in lines)
        lines = [f"{row[0]} {row[4]} - {row[3]}" for row in rows if len(row) == _COLUMNS]
    return (one for one in openvz.listed("\n".join(lines)) if one is not None)


def _of_listing(node: Node, told: str) -> Iterator[Container]:
    """Lines ``RUNTIME ID PID NAME [pod=ID/NAME] [infra] ADDRESS… PORT…``, ports as ``docker ps`` has them."""
    for line in told.splitlines()[:MOST_CONTAINERS]:
        words = line.replace(",", " ").split()
        if len(words) < 4 or words[0] not in _RUNTIMES or not _ID.fullmatch(words[1]):
            continue
        runtime, identifier, pid, name = words[:4]
        process = number(pid)
        pod, _, called = next((each[4:] for each in words if each.startswith("pod=")), "").partition("/")
        yield Container(
            name=printable(name.lstrip("/")) or short_id(identifier),
            id=identifier,
            runtime=runtime,
            pid=process,
            netns_inode=node.netns(process),
            addresses=tuple(dict.fromkeys(addresses(words[4:]))),
            ports=tables.published(words[4:]),
            pod=Pod(printable(called) or short_id(pod), printable(pod)) if _ID.fullmatch(pod) else None,
            infra="infra" in words[4:],
        )


def _table(
    read: Callable[..., Iterator[Container]], *more: str
) -> Callable[[Node, str], Iterable[Container]]:
    return lambda _, told: read(told, *more)


def _of_inspect(node: Node, told: str) -> Iterator[Container]:
    """Podman writes what Docker does, and more."""
    for said in items(parse_json(told, "inspect"))[:MOST_CONTAINERS]:
        of_podman = not _OF_PODMAN.isdisjoint(mapping(said))
        for one in docker.containers(node, [said]):
            yield replace(one, runtime="podman") if of_podman else one


def _of_inspectp(node: Node, told: str) -> Iterator[Container]:
    said = mapping(parse_json(told, "crictl inspectp"))
    status, info = mapping(said.get("status")), mapping(said.get("info"))
    meta, network = mapping(status.get("metadata")), mapping(status.get("network"))
    name, space, uid = (text(meta.get(key)) for key in ("name", "namespace", "uid"))
    if not (name and uid) or status.get("state") not in {"SANDBOX_READY", 0}:
        return
    ips = [network.get("ip"), *(mapping(each).get("ip") for each in items(network.get("additionalIps")))]
    one = Pod(name, uid, space, kubernetes.workload(name, mapping(status.get("labels"))) if space else None)
    pid = number(info.get("pid"))
    yield Container(
        one.full_name,
        uid,
        kubernetes.RUNTIME,
        pid=pid,
        netns_inode=node.netns(pid),
        addresses=tuple(dict.fromkeys(addresses(map(text, ips)))),
        pod=one,
        infra=True,
    )


_READERS: Final[dict[str, Callable[[Node, str], Iterable[Container]]]] = {
    VZLIST: _of_vzlist,
    LISTING: _of_listing,
    INSPECT: _of_inspect,
    INSPECTP: _of_inspectp,
    DOCKER_PS: _table(tables.of_ps, "docker"),
    PODMAN_PS: _table(tables.of_ps, "podman"),
    NERDCTL_PS: _table(tables.of_ps, "containerd"),
    INCUS_LIST: _table(tables.of_instances, "incus"),
    LXD_LIST: _table(tables.of_instances, "lxd"),
    LXC_LS: _table(tables.of_lxc_ls),
    PODS: tables.of_pods,
    SANDBOXES: _table(tables.of_sandboxes),
}

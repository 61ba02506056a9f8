"""What tools printed on a node of which only that was sent: containers, by what each tool calls them.

No command is run here. ``vzlist``: its lines, with their usual heading, or as ``owners.openvz`` asks for
them; ``listing``: lines of the collecting script, a container each; ``inspect``: JSON of ``docker inspect``
or ``podman inspect``; ``inspectp``: JSON of ``crictl inspectp``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from halftrack.owners import docker, kubernetes, openvz, ports
from halftrack.owners.node import Node, parse_json
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container, Pod
from halftrack.owners.untrusted import addresses, items, mapping, number, printable, short_id, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import PublishedPort

VZLIST: Final = "vzlist"
LISTING: Final = "listing"
INSPECT: Final = "inspect"
INSPECTP: Final = "inspectp"

_HEADING: Final = re.compile(r"\s*(?:CT|VE)ID\s+NPROC\s+STATUS\s+IP_ADDR\s+HOSTNAME\s*\n")
_COLUMNS: Final = 5
_OF_PODMAN: Final = frozenset({"OCIRuntime", "OCIConfigPath", "ConmonPidFile"})
_RUNTIMES: Final = frozenset({"docker", "podman"})
_ID: Final = re.compile(r"[0-9a-f]{12,64}")
_PORT: Final = re.compile(
    r"(?:(?P<host>[0-9.]{7,15}|\[?[0-9a-fA-F:]{2,45}\]?):)?(?P<outside>\d{1,5})(?:-(?P<last>\d{1,5}))?"
    r"->(?P<inside>\d{1,5})(?:-\d{1,5})?/(?P<protocol>tcp|udp|sctp)",
    re.ASCII,
)


class Sent:
    name = "what was sent"

    def is_present(self, node: Node) -> bool:
        return bool(node.printed)

    def ask(self, node: Node) -> Answer:
        found: list[Container] = []
        unread = 0
        for kind, told in node.printed:
            try:
                found += _READERS[kind](node, told)
            except NoAnswer:
                unread += 1
        return Answer(
            tuple(found[:MOST_CONTAINERS]),
            f"{unread} listings of containers make no sense" if unread else None,
        )


def _of_vzlist(_: Node, told: str) -> Iterator[Container]:
    headed = _HEADING.match(told) is not None
    lines = told.splitlines()[headed : MOST_CONTAINERS + 1]
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
            ports=tuple(port for word in words[4:] for port in _published(word)),
            pod=Pod(printable(called) or short_id(pod), printable(pod)) if _ID.fullmatch(pod) else None,
            infra="infra" in words[4:],
        )


def _published(word: str) -> tuple[PublishedPort, ...]:
    found = _PORT.fullmatch(word)
    if found is None:
        return ()
    many = int(found["last"]) - int(found["outside"]) + 1 if found["last"] else 1
    said = {
        "host_ip": (found["host"] or "").strip("[]"),
        "host_port": found["outside"],
        "container_port": found["inside"],
        "protocol": found["protocol"],
        "range": many,
    }
    return ports.of_podman([said])


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
}

"""What tools printed on a node of which only that was sent: containers, by what each tool calls them.

No command is run here. ``vzlist``: its lines, with their usual heading, or as ``owners.openvz`` asks for
them; ``listing``: lines of the collecting script, a container each; ``inspect``: JSON of ``docker inspect``
or ``podman inspect``; ``inspectp``: JSON of ``crictl inspectp``; ``docker ps``, ``podman ps``: their tables.
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
from halftrack.owners.untrusted import SHORT_ID, addresses, items, mapping, number, printable, short_id, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import PublishedPort

VZLIST: Final = "vzlist"
LISTING: Final = "listing"
INSPECT: Final = "inspect"
INSPECTP: Final = "inspectp"
DOCKER_PS: Final = "docker ps"
PODMAN_PS: Final = "podman ps"

_HEADING: Final = re.compile(r"\s*(?:CT|VE)ID\s+NPROC\s+STATUS\s+IP_ADDR\s+HOSTNAME\s*\n")
_COLUMNS: Final = 5
_COLUMNS_OF_PS: Final = re.compile(r"CONTAINER ID\s+IMAGE\s.*\sPORTS\s+NAMES")
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
        # Tables show the beginning of an id, and nothing that others do not know better.
        whole = {one.id[:SHORT_ID] for one in found if len(one.id) > SHORT_ID}
        found = [one for one in found if len(one.id) != SHORT_ID or one.id not in whole]
        lacks = f"{unread} listings of containers make no sense" if unread else None
        return Answer(tuple(found[:MOST_CONTAINERS]), lacks)


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


def _of_docker_ps(_: Node, told: str) -> Iterator[Container]:
    return _of_ps(told, "docker")


def _of_podman_ps(_: Node, told: str) -> Iterator[Container]:
    return _of_ps(told, "podman")


def _of_ps(told: str, runtime: str) -> Iterator[Container]:
    """Columns begin where their names do; ids are short unless ``--no-trunc`` was asked for."""
    lines = told.splitlines()
    at = next((i for i, line in enumerate(lines) if _COLUMNS_OF_PS.match(line)), len(lines))
    if at == len(lines):
        return
    begin = {name: lines[at].index(name) for name in ("IMAGE", "PORTS", "NAMES")}
    for line in lines[at + 1 : at + 1 + MOST_CONTAINERS]:
        identifier = line[: begin["IMAGE"]].strip()
        names = line[begin["NAMES"] :].split()
        if not _ID.fullmatch(identifier) or not names:
            continue
        published = line[begin["PORTS"] : begin["NAMES"]].replace(",", " ").split()
        yield Container(
            name=printable(names[0].partition(",")[0]),
            id=identifier,
            runtime=runtime,
            ports=tuple(port for word in published for port in _published(word)),
        )


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
    DOCKER_PS: _of_docker_ps,
    PODMAN_PS: _of_podman_ps,
}

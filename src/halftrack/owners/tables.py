"""Tables of containers as tools print them for people: where a column begins shows by its heading.

``docker ps``, ``podman ps`` and ``nerdctl ps``; ``incus list`` and ``lxc list`` (LXD's), with frames or
compact, where one container may take several lines; ``lxc-ls -f``; ``kubectl get pods -o wide``; ``crictl
pods``. A line that is not under its headings tells nothing, nor does an address that two of one table have:
it is the node's.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from itertools import chain, islice
from typing import TYPE_CHECKING, Final

from halftrack.owners import kubernetes, lxc, ports
from halftrack.owners.runtime import MOST_CONTAINERS, Container, Pod
from halftrack.owners.untrusted import addresses, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from halftrack.evidence.values import PublishedPort
    from halftrack.owners.node import Node

PS: Final = r"CONTAINER ID\s+IMAGE\s.*\sPORTS\s+NAMES"
INSTANCES: Final = r"\|(?: +PROJECT +\|)? +NAME +\|.* IPV4 +\|| +(?:PROJECT {2,})?NAME {2,}STAT\w+ .*\bIPV4\b"
LXC_LS: Final = r"NAME +STATE +AUTOSTART +GROUPS +IPV4 +IPV6"
PODS: Final = r"(?:NAMESPACE +)?NAME +READY +STATUS +RESTARTS +AGE +IP +NODE\b"
SANDBOXES: Final = r"POD ID +CREATED +STATE +NAME +NAMESPACE +ATTEMPT"
"""Headings, as they begin their line."""

_ID: Final = re.compile(r"[0-9a-f]{12,64}")
_PORT: Final = re.compile(
    r"(?:(?P<host>[0-9.]{7,15}|\[?[0-9a-fA-F:]{2,45}\]?):)?(?P<outside>\d{1,5})(?:-(?P<last>\d{1,5}))?"
    r"->(?P<inside>\d{1,5})(?:-\d{1,5})?/(?P<protocol>tcp|udp|sctp)",
    re.ASCII,
)
_WITH_INTERFACE: Final = re.compile(r"([0-9A-Fa-f.:]{3,45}) \([^\s()|]{1,15}\)", re.ASCII)
_INSTANCE: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,62}")
_OVER: Final = frozenset({"Completed", "Succeeded", "Failed", "Error", "Evicted", "Pending", "Unknown"})
"""Pods that have their address no more, or not yet."""
_DEFAULT_PROJECT: Final = "default"
_MOST_LINES: Final = 4 * MOST_CONTAINERS
"""Of a table in which each has one for every address."""


def of_ps(told: str, runtime: str) -> Iterator[Container]:
    """Ids are short unless ``--no-trunc`` was asked for; pods are told by ``podman ps --pod``."""
    for row in _rows(told, PS, ("CONTAINER ID", "IMAGE", "PORTS", "NAMES", "POD ID", "PODNAME")):
        names = row["NAMES"].split()
        if not _ID.fullmatch(row["CONTAINER ID"]) or not names:
            continue
        name = names[0].partition(",")[0]
        group, called = row.get("POD ID", ""), printable(row.get("PODNAME", ""))
        yield Container(
            name=printable(name),
            id=row["CONTAINER ID"],
            runtime=runtime,
            ports=published(row["PORTS"].replace(",", " ").split()),
            pod=Pod(called, group) if called and _ID.fullmatch(group) else None,
            infra=name.endswith("-infra"),
        )


def published(words: Iterable[str]) -> tuple[PublishedPort, ...]:
    """Of ``0.0.0.0:8080->80/tcp``, with ranges or without, and without the address; of one container."""
    return tuple(islice(chain.from_iterable(map(_published, words)), ports.MOST_PORTS))


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


def of_instances(told: str, runtime: str) -> Iterator[Container]:
    """Incus' and LXD's: each address stands on a line of its own, with its interface behind it."""
    found: dict[str, list[str]] = {}
    own: list[str] = []
    at = None
    for line in told.splitlines()[:_MOST_LINES]:
        framed = line.startswith("|")
        cells = line.strip("|").split("|") if framed else re.split(r"\s{2,}", line.strip())
        cells = [cell.strip() for cell in cells]
        if re.match(INSTANCES, line):
            at = cells.index("NAME")
            continue
        if at is None or not line.startswith(("| ", "  ")) or len(cells) <= at:
            continue
        # A line that goes on with the container above has nothing in its first columns.
        goes_on = not cells[at] if framed else line[: len("   ")].isspace()
        if not goes_on and not _INSTANCE.fullmatch(cells[at]):
            own = []
        elif not goes_on:
            project = cells[0] if at else _DEFAULT_PROJECT
            own = found.setdefault(cells[at] if project == _DEFAULT_PROJECT else f"{project}_{cells[at]}", [])
        own += _WITH_INTERFACE.findall(line)
    yield from _telling(
        Container(lxc.full_name(printable(name)), printable(name), runtime, addresses=tuple(addresses(its)))
        for name, its in found.items()
    )


def of_lxc_ls(told: str) -> Iterator[Container]:
    yield from _telling(
        Container(
            printable(row["NAME"]),
            printable(row["NAME"]),
            lxc.Lxc.name,
            addresses=tuple(addresses(f"{row['IPV4']},{row['IPV6']}".replace(",", " ").split())),
        )
        for row in _rows(
            told, LXC_LS, ("NAME", "STATE", "AUTOSTART", "GROUPS", "IPV4", "IPV6", "UNPRIVILEGED")
        )
    )


def of_pods(node: Node, told: str) -> Iterator[Container]:
    """Of the whole cluster: those of this node, where its name is known and is in the table."""
    columns = ("NAMESPACE", "NAME", "READY", "STATUS", "RESTARTS", "AGE", "IP", "NODE", "NOMINATED NODE")
    rows = [row for row in _rows(told, PODS, columns) if row["STATUS"] not in _OVER and row["NAME"]]
    here = _short(node.peek("etc/hostname", 256))
    if any(_short(row["NODE"]) == here for row in rows):
        rows = [row for row in rows if _short(row["NODE"]) == here]
    yield from _telling(
        replace(_pod(row["NAME"], row.get("NAMESPACE", "")), addresses=tuple(addresses([row["IP"]])))
        for row in rows
    )


def of_sandboxes(told: str) -> Iterator[Container]:
    """Names alone: no addresses are in it."""
    columns = ("POD ID", "CREATED", "STATE", "NAME", "NAMESPACE", "ATTEMPT")
    for row in _rows(told, SANDBOXES, columns):
        if row["STATE"] == "Ready" and row["NAME"] and _ID.fullmatch(row["POD ID"]):
            yield _pod(row["NAME"], row["NAMESPACE"])


def _pod(name: str, namespace: str) -> Container:
    """Tables do not tell its uid: it is known by its name."""
    name, namespace = printable(name), printable(namespace)
    if not namespace:
        return Container(name, name, kubernetes.RUNTIME)
    one = Pod(name, f"{namespace}/{name}", namespace, kubernetes.workload(name, {}))
    return Container(one.full_name, one.id, kubernetes.RUNTIME, pod=one)


def _short(host: str) -> str:
    return host.strip().partition(".")[0].lower()


def _telling(found: Iterable[Container]) -> Iterator[Container]:
    """Those with an address of their own."""
    known = list(found)[:MOST_CONTAINERS]
    having = Counter(address for one in known for address in {*one.addresses})
    for one in known:
        own = tuple(dict.fromkeys(each for each in one.addresses if having[each] == 1))
        if own and one.name:
            yield replace(one, addresses=own)


def _rows(told: str, heading: str, columns: Iterable[str]) -> Iterator[Mapping[str, str]]:
    """Each line below its headings, by column; ``columns``: in their order, those that are there."""
    begin: dict[str, int] = {}
    for number, line in enumerate(told.splitlines()):
        if number > MOST_CONTAINERS:
            return
        if re.match(heading, line):
            begin = _begin(line, columns)
            continue
        edges = [*begin.values(), len(line)]
        if not begin or not line.strip() or not _under(line, edges):
            continue
        yield {name: line[at:end].strip() for name, at, end in zip(begin, edges, edges[1:], strict=False)}


def _under(line: str, edges: Sequence[int]) -> bool:
    """Whether no word stands across the beginning of a column."""
    return all(line[at - 1 : at].isspace() for at in edges[1:-1] if at <= len(line))


def _begin(heading: str, columns: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    after = 0
    for name in columns:
        its = re.compile(rf"(?<!\S){name}(?!\S)").search(heading, after)
        if its is not None:
            found[name] = its.start()
            after = its.end()
    return found

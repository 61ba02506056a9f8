"""OpenVZ and Virtuozzo: ``vzlist``, ``prlctl``, and ``/proc/vz`` with the containers' configuration.

The kernel's own list and the configuration files are read first: they hang for nobody. The
commands then add what is stopped or only known to them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from halftrack.owners.node import Node, parse_json
from halftrack.owners.process import NoAnswer
from halftrack.owners.runtime import MOST_CONTAINERS, Answer, Container
from halftrack.owners.untrusted import addresses, items, mapping, printable, strings, text

if TYPE_CHECKING:
    from collections.abc import Iterable

_HOST: Final = "0"
_ID: Final = re.compile(r"[0-9]{1,10}|[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}")
_ASSIGNMENT: Final = re.compile(r"^\s*([A-Z_]+)\s*=\s*[\"']?([^\"'\n]*)", re.MULTILINE)


class OpenVZ:
    name = "openvz"

    def is_present(self, node: Node) -> bool:
        return node.has("proc/vz") or (node.has("etc/vz/conf") and node.tool("vzlist") is not None)

    def ask(self, node: Node) -> Answer:
        known = _merged([*_from_kernel(node), *_from_configuration(node)])
        lacks: str | None = None
        needs: tuple[str, ...] = ()
        try:
            known = _merged([*_from_commands(node), *known])
        except NoAnswer as error:
            lacks, needs = str(error), error.needs
        return Answer(tuple(c for c in known if c.addresses or c.name != c.id), lacks, needs)


def _container(identifier: str, names: Iterable[str], ips: Iterable[str]) -> Container | None:
    """The first name that says something, else the id; None for the node itself and for what is no id."""
    shown = identifier.strip("{}")
    if not _ID.fullmatch(shown) or shown == _HOST:
        return None
    called = next((name for name in map(printable, names) if name and name != "-"), shown)
    return Container(called, shown, OpenVZ.name, addresses=tuple(dict.fromkeys(addresses(ips))))


def _merged(containers: Iterable[Container]) -> list[Container]:
    """One for each id: of several the first that has a name, and the first that has addresses."""
    by_id: dict[str, Container] = {}
    for one in containers:
        other = by_id.get(one.id)
        if other is not None:
            name = other.name if other.name != other.id else one.name
            one = Container(name, one.id, one.runtime, addresses=other.addresses or one.addresses)  # noqa: PLW2901  # both in one
        by_id[one.id] = one
    return list(by_id.values())


def _from_kernel(node: Node) -> Iterator[Container]:
    """Lines ``CTID class processes ADDRESS…`` of running containers; in a container only its own."""
    for line in node.peek("proc/vz/veinfo", 16 << 20).splitlines()[:MOST_CONTAINERS]:
        words = line.split()
        found = _container(words[0], (), words[3:]) if len(words) >= 3 else None
        if found is not None:
            yield found


def _from_configuration(node: Node) -> Iterator[Container]:
    try:
        files = node.names("etc/vz/conf")
    except PermissionError:
        return
    for file in files[:MOST_CONTAINERS]:
        identifier, dot, rest = file.rpartition(".conf")
        if not dot or rest or not _ID.fullmatch(identifier):
            continue
        said = dict(_ASSIGNMENT.findall(node.peek(f"etc/vz/conf/{file}", 1 << 16)))
        names = (said.get("NAME", ""), said.get("HOSTNAME", ""))
        found = _container(identifier, names, said.get("IP_ADDRESS", "").split())
        if found is not None:
            yield found


def _from_commands(node: Node) -> list[Container]:
    """Raises NoAnswer where a command is there and says nothing."""
    vzlist, prlctl = node.tool("vzlist"), node.tool("prlctl")
    failed: NoAnswer | None = None
    asked = [(vzlist, _VZLIST)] if vzlist else []
    asked += [(prlctl, _PRLCTL)] if prlctl else []
    for tool, ways in asked:
        for words, read in ways:
            try:
                return [one for one in read(node.ask(tool, *words)) if one is not None]
            except NoAnswer as error:
                failed = failed or error
    if failed is not None:
        raise failed
    return []


def _json_listing(told: str) -> Iterator[Container | None]:
    for item in items(parse_json(told, "vzlist or prlctl"))[:MOST_CONTAINERS]:
        said = {key.lower(): value for key, value in mapping(item).items()}
        identifier = text(said.get("ctid") or said.get("uuid") or said.get("id"))
        names = (text(said.get("name")), text(said.get("hostname")))
        ips: list[Any] = [said.get(key) for key in ("ip", "ip_configured", "configured_ip")]
        yield _container(identifier, names, (ip for value in ips for ip in strings(value)))


def listed(told: str) -> Iterator[Container | None]:
    """Lines ``CTID HOSTNAME NAME… ADDRESS…``: a name may hold spaces, so addresses are told from the end."""
    for line in told.splitlines()[:MOST_CONTAINERS]:
        words = line.split()
        last = len(words)
        while last > 2 and (words[last - 1] == "-" or any(addresses([words[last - 1]]))):
            last -= 1
        if last >= 2:
            yield _container(words[0], (" ".join(words[2:last]), words[1]), words[last:])


_Way: TypeAlias = tuple[tuple[str, ...], Callable[[str], Iterator[Container | None]]]

# Version 4 of vzctl and later know JSON; version 3 calls the id veid, early Virtuozzo too.
_VZLIST: Final[tuple[_Way, ...]] = (
    (("-a", "-j"), _json_listing),
    (("-a", "-H", "-t", "-o", "ctid,hostname,name,ip"), listed),
    (("-a", "-H", "-o", "veid,hostname,name,ip"), listed),
)
_PRLCTL: Final[tuple[_Way, ...]] = ((("list", "-a", "-j"), _json_listing),)

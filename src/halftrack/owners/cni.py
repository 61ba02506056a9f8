"""CNI: addresses and published ports of every container that a CNI plugin connected.

libcni keeps one file for each attachment, ``/var/lib/cni/results/NETWORK-ID-INTERFACE`` (libcni/api.go;
``cache/results`` where the runtime chose a directory of its own, as Podman did): an
envelope of kind ``cniCacheV1``, of old versions the plugin's bare result. It is removed with the
attachment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from halftrack.owners import ports
from halftrack.owners.runtime import MOST_CONTAINERS
from halftrack.owners.untrusted import addresses, items, mapping, parsed, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from halftrack.evidence.values import PublishedPort
    from halftrack.owners.node import Node

_DIRECTORIES: Final = ("var/lib/cni/results", "var/lib/cni/cache/results")
_FILE: Final = re.compile(r".*-(?P<id>[0-9a-f]{64})-[^-]+")
_MOST_BYTES: Final = 1 << 18


@dataclass(frozen=True, slots=True)
class Attachments:
    """What CNI gave one container on all its networks."""

    addresses: tuple[str, ...] = ()
    ports: tuple[PublishedPort, ...] = ()


NONE: Final = Attachments()


def attachments(node: Node) -> dict[str, Attachments]:
    """By container id, a sandbox's for a pod. Raises PermissionError."""
    found: dict[str, Attachments] = {}
    for directory in _DIRECTORIES:
        for file in node.names(directory)[:MOST_CONTAINERS]:
            named = _FILE.fullmatch(file)
            if named is None or node.is_late():
                continue
            one = _attachment(node.read(f"{directory}/{file}", _MOST_BYTES))
            known = found.get(named["id"], NONE)
            found[named["id"]] = Attachments(
                tuple(dict.fromkeys((*known.addresses, *one.addresses))),
                tuple(dict.fromkeys((*known.ports, *one.ports))),
            )
    return found


def _attachment(told: str) -> Attachments:
    said = mapping(parsed(told))
    result = mapping(said.get("result")) if said.get("kind") == "cniCacheV1" else said
    mappings = mapping(said.get("capabilityArgs")).get("portMappings")
    return Attachments(tuple(addresses(_addresses(result))), ports.of_podman(mappings))


def _addresses(result: dict[str, Any]) -> Iterator[str]:
    """``ips``; up to version 0.2 of the specification ``ip4`` and ``ip6``."""
    for one in items(result.get("ips")):
        yield text(mapping(one).get("address"))
    for key in ("ip4", "ip6"):
        yield text(mapping(result.get(key)).get("ip"))

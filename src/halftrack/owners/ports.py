"""Published ports, as Docker's configuration, Podman's listing and CNI's port mappings spell them."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from halftrack.evidence.values import PublishedPort
from halftrack.owners.untrusted import addresses, items, mapping, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

_MOST_PORT: Final = 65_535
MOST_PORTS: Final = 2 * _MOST_PORT
"""Of one container: every port there is, over TCP and over UDP."""
_PROTOCOLS: Final = frozenset({"tcp", "udp", "sctp"})


def of_docker(value: Any) -> tuple[PublishedPort, ...]:
    """From ``{"80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}]}``."""
    return tuple(islice(_docker(value), MOST_PORTS))


def of_podman(value: Any) -> tuple[PublishedPort, ...]:
    """From ``[{"host_port": 8080, "container_port": 80, "range": 1, "protocol": "tcp"}]``.

    Podman before 3.0, CNI and CRI-O write ``hostPort``, ``containerPort``, ``hostIP``, of any case, and
    know no ranges.
    """
    return tuple(islice(_podman(value), MOST_PORTS))


def _docker(value: Any) -> Iterator[PublishedPort]:
    for spelled, bindings in mapping(value).items():
        port, _, protocol = spelled.partition("/")
        for binding in items(bindings):
            host = mapping(binding)
            yield from _range(protocol or "tcp", host.get("HostIp"), host.get("HostPort"), port, 1)


def _podman(value: Any) -> Iterator[PublishedPort]:
    for item in items(value):
        known = {key.replace("_", "").lower(): each for key, each in mapping(item).items()}
        protocols = text(known.get("protocol")).lower() or "tcp"
        many = number(known.get("range"), _MOST_PORT) or 1
        for protocol in protocols.split(","):
            yield from _range(
                protocol, known.get("hostip"), known.get("hostport"), known.get("containerport"), many
            )


def _range(protocol: str, address: Any, host_port: Any, port: Any, many: int) -> Iterator[PublishedPort]:
    outside, inside = number(host_port, _MOST_PORT), number(port, _MOST_PORT)
    if outside is None or inside is None or protocol not in _PROTOCOLS:
        return
    given = text(address)
    where = next(addresses([given]), None) or (given if given.startswith("127.") or given == "::1" else None)
    for step in range(min(many, _MOST_PORT + 1 - max(outside, inside))):
        yield PublishedPort(protocol, outside + step, inside + step, where)

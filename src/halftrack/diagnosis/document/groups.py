"""Whose entries are: owner, address, service and who is at the other end."""

from __future__ import annotations

from typing import Literal

import msgspec

Side = Literal["server", "client", "forwarded"]


class OwnerName(msgspec.Struct, frozen=True, kw_only=True):
    """``pod``, ``namespace`` and ``workload``: of a pod, the latter two in Kubernetes."""

    name: str
    id: str
    runtime: str
    namespace: str | None = None
    pod: str | None = None
    workload: str | None = None


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """``service_name``: of the service that it is asked for, as the node's rules call it."""

    address: str
    entries: int
    service_name: str | None = None


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """``service_name``: what the node's rules call ``service`` at ``address``: ``namespace/name:port``.

    ``rate_per_minute``: its part of the pace at which the finding's entries come, counted over the time
    that the forecast's ``basis`` names, or since the group began within it. Where the forecast has no
    pace: the mean from its oldest entry to its youngest, if they came about evenly.
    """

    netns: str
    owner: OwnerName | None = None
    address: str | None = None
    service: str | None = None
    service_name: str | None = None
    side: Side | None = None
    entries: int
    peers: int | None = None
    top_peers: tuple[Peer, ...] = ()
    idle_min_s: int | None = None
    idle_max_s: int | None = None
    rate_per_minute: float | None = None

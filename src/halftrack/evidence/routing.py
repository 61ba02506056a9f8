"""Which way packets leave a namespace, and what it lets in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from halftrack.evidence.uapi import AF_INET, AF_INET6

LOOPBACK: Final = "lo"
"""The kernel calls it so in every namespace (drivers/net/loopback.c)."""
FIRST_RULES: Final = MappingProxyType({AF_INET: (0, 32_766, 32_767), AF_INET6: (0, 32_766)})
"""By family the priorities of the rules that a namespace begins with: local, main, default
(net/ipv4/fib_rules.c, net/ipv6/fib6_rules.c).
"""


@dataclass(frozen=True, slots=True)
class WayBack:
    """How an answer from ``local`` to ``peer`` leaves: by ``interface``, None where there is no way.

    ``expected``: the interface that has the address ``local``; None where it is not this
    namespace's own, which then only passes it on. ``untold``: why what was sent does not decide the way, in
    words; empty where it does.
    """

    local: str
    peer: str
    interface: str | None
    expected: str | None = None
    untold: str = ""

    @property
    def astray(self) -> bool:
        """Whether it leaves by another interface than the one that the question came to.

        Not of an address that the loopback interface has: questions to it come in by any other.
        """
        known = None not in (self.expected, self.interface) and self.expected != LOOPBACK
        return known and self.interface != self.expected


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """``table``: number of the routing table, 254 being the main one. ``metric``: the least wins."""

    family: int
    interface: str
    gateway: str | None
    metric: int
    table: int


@dataclass(frozen=True, slots=True)
class Routing:
    """``ways``: of a handful of peers. ``rules``: policy rules beyond those that every namespace has.

    ``rp_filter``: by interface, what counts there (0 off, 1 strict, 2 loose); those that have a value
    other than 0. ``unread``: what could not be had, in words.
    """

    ways: tuple[WayBack, ...] = ()
    defaults: tuple[DefaultRoute, ...] = ()
    rules: int | None = None
    rp_filter: Mapping[str, int] = field(default_factory=dict)
    unread: tuple[str, ...] = ()

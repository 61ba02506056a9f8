"""A namespace's packet-filter rules, reduced to what decides how a packet of a connection fares.

Rules of nft and of iptables come to the same values. What a rule says that is not understood stays
in it as a condition that nobody can answer, never as nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, Literal

Family = Literal["ip", "ip6", "inet", "bridge", "other"]
Hook = Literal["prerouting", "input", "forward", "output", "postrouting"]
Flavour = Literal["nft", "iptables-nft", "iptables-legacy"]
IPTABLES: Final = MappingProxyType({"ip": "iptables", "ip6": "ip6tables"})
"""By family the tool, and what the names of its others begin with."""
Field = Literal[
    "family",  # words: ip, ip6
    "protocol",  # ranges
    "saddr",  # ranges of 128-bit numbers, IPv4 mapped as in ``addresses``
    "daddr",
    "sport",
    "dport",
    "flags",  # of TCP; ranges: (mask, value)
    "state",  # words: new, established, related, invalid, untracked; snat, dnat where it asks for those
    "ct-mark",  # ranges: (mask, value)
    "in",  # words: names of interfaces, a last ``*`` stands for anything
    "out",
    "local",  # words: saddr, daddr: that address is the namespace's own
    "entry",  # not understood, and may depend on the entry
    "packet",  # not understood, and the same for a packet whether it has an entry or not
]
Action = Literal[
    "accept",
    "drop",
    "return",
    "jump",
    "goto",
    "translate",  # DNAT, SNAT, masquerade, redirect, netmap
    "untrack",  # goes on
    "mark-entry",  # writes what only the entry keeps; goes on
    "read-entry",  # the packet is told what only the entry keeps (its mark); goes on
    "unclear",  # whatever becomes of it
]

NAT: Final = "nat"
"""Kind of a base chain that only the first packet of an entry passes."""
OF_ENTRIES: Final = frozenset({"mark", "labels", "zone", "helper"})
"""Columns of the flow table that hold what an entry keeps and rules may go by."""
CONNTRACK_PRIORITY: Final = -200
"""NF_IP_PRI_CONNTRACK: chains before it know no state yet."""


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds where the field is in one of the ranges or among the words; ``negated``: where it is not."""

    field: Field
    ranges: tuple[tuple[int, int], ...] = ()
    words: frozenset[str] = frozenset()
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """What happens to a packet for which all conditions hold.

    ``text``: the owner's own words, one line, printable. ``position``: in its chain, from 1; a rule
    that was taken apart has several of the same. ``target``: the chain of ``jump`` and ``goto``.
    """

    position: int
    text: str
    conditions: tuple[Condition, ...]
    action: Action
    target: str = ""


@dataclass(frozen=True, slots=True)
class Base:
    """Where a chain is called from. ``accepts``: its policy."""

    hook: Hook
    priority: int
    kind: str = "filter"
    accepts: bool = True


@dataclass(frozen=True, slots=True)
class Chain:
    """``base`` None: a chain that only other chains call."""

    name: str
    rules: tuple[Rule, ...] = ()
    base: Base | None = None


@dataclass(frozen=True, slots=True)
class RuleTable:
    """Chains by name; none calls a chain of another table."""

    family: Family
    name: str
    flavour: Flavour
    chains: Mapping[str, Chain] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class VirtualService:
    """A service of IPVS: what arrives for it is handed on.

    ``address`` 128 bits, IPv4 mapped; ``mark``: it is chosen by the packet's mark, whatever its address.
    ``destinations``: ``(address, port)`` of what it is handed on to. ``past``: packets are handed on as they
    are (by route or tunnel), and who answers does so without this node.
    """

    protocol: int | None = None
    address: int | None = None
    port: int | None = None
    mark: int | None = None
    text: str = ""
    destinations: tuple[tuple[int, int], ...] = ()
    past: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Ruleset:
    """All rules of one namespace; no two are equal, so that what is worked out of one can be kept by it.

    ``unread``: one sentence for each part that could not be had or understood; with any of them,
    nothing can be said for certain. ``raw``: the texts that were read, by the command or file that
    gave them.
    """

    tables: tuple[RuleTable, ...] = ()
    services: tuple[VirtualService, ...] = ()
    unread: tuple[str, ...] = ()
    raw: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Save:
    """What a save tool printed of all its tables. ``family``: ip or ip6; ``flavour``: as in ``RuleTable``."""

    command: str
    family: str
    flavour: Flavour
    text: str

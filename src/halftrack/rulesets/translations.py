"""Where translation leads: from what is asked for to what answers, and what kube-proxy calls it.

kube-proxy writes a service's name beside its rules: as a comment, ``NAMESPACE/NAME:PORT``, in chains
called ``KUBE-…`` (kubernetes pkg/proxy/iptables/proxier.go), and into the names of its nft chains,
``service-HASH-NAMESPACE/NAME/PROTOCOL/PORT`` (pkg/proxy/nftables/proxier.go). IPVS knows no names.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from halftrack.evidence import addresses, uapi
from halftrack.evidence.rulesets import NAT

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Chain, Condition, Rule, Ruleset, RuleTable

MOST: Final = 50_000
"""Translations of one namespace; those beyond are left out."""
_MOST_TOLD: Final = 4 * MOST
_MOST_STEPS: Final = 500_000
"""Rules of one table that are looked at, those of a chain each time that it is come to."""
_MOST_ENDS: Final = 1_000
_DEEPEST: Final = 16
_PORTS: Final = 65_535
_HOOKS: Final = frozenset({"prerouting", "output"})
_PROTOCOLS: Final = (uapi.IPPROTO_TCP, uapi.IPPROTO_UDP, uapi.IPPROTO_SCTP)
_LEADS: Final = re.compile(
    r"(?:--to-destination|dnat(?: ip6?)? to) "
    r"(?:(?:([0-9.]{7,15})|\[([0-9a-f:.]{2,45})\])(?::([0-9]{1,5}))?|([0-9a-f:.]{2,45}))(?: |$)"
)
"""A range of ports leads nowhere here: which of them answers is not told."""
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_COMMENT: Final = re.compile(
    r'--comment "?([a-z0-9.-]{1,63}/[a-z0-9.-]{1,253}(?::[A-Za-z0-9.-]{0,63})?)(?:[ "]|$)'
)
_CHAIN: Final = re.compile(
    r"(?:service|external|firewall|endpoint)-[A-Z0-9]{8}-"
    r"([a-z0-9.-]{1,63})/([a-z0-9.-]{1,253})/(?:tcp|udp|sctp)/([A-Za-z0-9.-]{0,63})(?:__.*)?"
)


class End(NamedTuple):
    """What answers. ``address``: 128 bits, IPv4 mapped; ``port`` None: the one that was asked for."""

    address: int
    port: int | None


@dataclass(frozen=True, slots=True)
class Translation:
    """What is sent to ``address`` and ``port`` goes to one of ``ends``.

    ``address`` 128 bits, None: any, mostly any of the namespace's own. ``whole``: surely all of it does,
    none stays or goes elsewhere. ``past``: the ends answer without this node.
    """

    protocol: int
    port: int
    ends: tuple[End, ...]
    address: int | None = None
    name: str | None = None
    whole: bool = True
    past: bool = False


_Ranges: TypeAlias = tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is known of a packet that came to a rule; None: nothing."""

    protocol: int | None = None
    address: int | None = None
    ports: _Ranges | None = None
    name: str | None = None
    whole: bool = True


def translations(rules: Ruleset) -> tuple[Translation, ...]:
    """Of all services that have an end, in the order of the rules; each front once."""
    found: dict[tuple[int, int | None, int], Translation] = {}
    for one in itertools.islice(_all(rules), _MOST_TOLD):
        if len(found) >= MOST:
            break
        front = one.protocol, one.address, one.port
        known = found.setdefault(front, one)
        # What one rule takes whole no later one gets; of what it leaves they get the rest.
        if known is not one and not known.whole:
            ends = tuple(dict.fromkeys((*known.ends, *one.ends)))[:_MOST_ENDS]
            found[front] = replace(known, ends=ends, whole=one.whole, name=known.name or one.name)
    return tuple(found.values())


def _all(rules: Ruleset) -> Iterator[Translation]:
    for table in rules.tables:
        reader = _Reader(table)
        for chain in table.chains.values():
            if chain.base is not None and chain.base.kind == NAT and chain.base.hook in _HOOKS:
                yield from reader.led(chain, _Asked(), frozenset())
    for service in rules.services:
        if service.protocol is not None and service.port and service.address is not None:
            ends = tuple(End(*each) for each in service.destinations)
            if ends:
                yield Translation(service.protocol, service.port, ends, service.address, past=service.past)


@dataclass(slots=True)
class _Reader:
    table: RuleTable
    _steps: int = 0

    def led(self, chain: Chain, asked: _Asked, above: frozenset[str]) -> Iterator[Translation]:
        """``above``: chains that we came through; the kernel takes no circles."""
        inside = above | {chain.name}
        for rule in chain.rules:
            self._steps += 1
            if len(above) > _DEEPEST or self._steps > _MOST_STEPS:
                return
            target = self.table.chains.get(rule.target)
            goes_on = rule.action in ("jump", "goto") and target is not None and target.name not in inside
            if rule.action != "translate" and not goes_on:
                continue
            narrowed = _narrowed(asked, rule)
            if narrowed is None:
                continue
            if rule.action == "translate":
                yield from _spread(narrowed, _end(rule))
            elif target is not None:
                yield from self.led(target, narrowed, inside)


def _narrowed(asked: _Asked, rule: Rule) -> _Asked | None:
    """What a rule's conditions add; None where it cannot hold, or for too much to be told."""
    protocol, address, ports, whole = asked.protocol, asked.address, asked.ports, asked.whole
    for one in rule.conditions:
        if one.field == "protocol":
            number = one.ranges[0][0] if len(one.ranges) == 1 and not one.negated else None
            if number is None or number != one.ranges[0][1] or protocol not in (None, number):
                return None
            protocol = number
        elif one.field == "dport":
            ports = None if one.negated else _shared(ports, one.ranges)
            if not ports:
                return None
        elif one.field == "daddr" and not one.negated and len(one.ranges) == 1:
            low, high = one.ranges[0]
            if address is not None and not low <= address <= high:
                return None
            whole &= address is not None or low == high
            address = low if low == high else address
        else:
            whole &= _is_plain(one)
    return _Asked(protocol, address, ports, asked.name or _name(rule), whole)


def _shared(known: _Ranges | None, more: _Ranges) -> _Ranges:
    """Where ports are in both; all of ``more`` where nothing was known."""
    if known is None:
        return more
    both = ((max(low, first), min(high, last)) for low, high in known for first, last in more)
    return tuple((low, high) for low, high in both if low <= high)


def _is_plain(one: Condition) -> bool:
    """Whether it only keeps away what is not meant: the container's own bridge, addresses of others."""
    return (
        one.field == "family"
        or (one.field == "in" and one.negated)
        or (one.field == "local" and not one.negated)
    )


def _name(rule: Rule) -> str | None:
    chain = _CHAIN.fullmatch(rule.target)
    if chain is not None:
        return f"{chain[1]}/{chain[2]}:{chain[3]}".rstrip(":")
    by_kube_proxy = rule.target.startswith("KUBE-") or rule.text.startswith("-A KUBE-")
    comment = _COMMENT.search(rule.text) if by_kube_proxy else None
    return comment[1].rstrip(":") if comment else None


def _end(rule: Rule) -> End | None:
    """Where a rule of DNAT leads, by its own words."""
    found = _LEADS.search(_QUOTED.sub('""', rule.text))
    if found is None:
        return None
    try:
        hi, lo = addresses.parse(found[1] or found[2] or found[4])
    except ValueError:
        return None
    port = int(found[3]) if found[3] else None
    return None if port is not None and not 0 < port <= _PORTS else End(hi << 64 | lo, port)


def _spread(asked: _Asked, end: End | None) -> Iterator[Translation]:
    """A translation for every port that was asked for."""
    if end is None or asked.ports is None or asked.protocol not in _PROTOCOLS:
        return
    for low, high in asked.ports:
        for port in range(max(low, 1), min(high, _PORTS) + 1):
            told = (End(end.address, end.port or port),)
            yield Translation(asked.protocol, port, told, asked.address, asked.name, asked.whole)

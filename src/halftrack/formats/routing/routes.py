"""Lines of ``ip route``: those that lead to given addresses, and default routes.

A route is a line; its next hops may follow behind white space (iproute2, ip/iproute.c, print_route).
BusyBox's shows neither a type of service nor who made a route, and of several next hops none.
"""

from __future__ import annotations

import re
import socket
from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from halftrack.evidence.printable import escaped
from halftrack.evidence.uapi import AF_INET, AF_INET6

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

UNICAST: Final = "unicast"
MAIN, LOCAL, DEFAULT = "main", "local", "default"
_KINDS: Final = frozenset(
    {
        UNICAST,
        LOCAL,
        "broadcast",
        "anycast",
        "multicast",
        "unreachable",
        "prohibit",
        "blackhole",
        "throw",
        "nat",
    }
)
_BY_NUMBER: Final = {"253": DEFAULT, "254": MAIN, "255": LOCAL}
_BITS: Final = {AF_INET: 32, AF_INET6: 128}
_ONE_LINE: Final = re.compile(r"\\(?=\s)")
"""What ``ip -o`` prints instead of a line feed."""
_ONLY_SIX: Final = frozenset({"pref", "hoplimit", "expires", "error"})
_MOST_METRIC: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True, order=True)
class Prefix:
    """``first``: the first address of it, a number of 32 or 128 bits; ``length``: bits that count."""

    family: int
    first: int
    length: int

    def holds(self, other: Prefix) -> bool:
        shift = _BITS[self.family] - self.length
        same = self.family == other.family and self.length <= other.length
        return same and self.first >> shift == other.first >> shift


@dataclass(frozen=True, slots=True)
class Hop:
    """``interface`` None: it is not shown. ``dead``: nothing is sent there."""

    interface: str | None
    gateway: str | None = None
    dead: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """``source``: whose packets alone take it; ``by_service``: those alone of one type of service."""

    to: Prefix
    kind: str
    table: str
    metric: int
    hops: tuple[Hop, ...]
    source: Prefix | None = None
    by_service: bool = False


@dataclass(slots=True)
class Routes:
    """``found``: in their order, each once. ``tables``: by family, all that any line names.

    ``by_whom``: whether lines say who made a route, as all tools but BusyBox's do.
    """

    found: dict[Route, None]
    tables: dict[int, set[str]]
    by_whom: bool = False


def prefix(text: str, family: int | None = None) -> Prefix | None:
    """Of ``ADDRESS``, ``ADDRESS/LENGTH`` or ``default``, whose family has to be told; None: it is none."""
    if text == DEFAULT:
        return None if family is None else Prefix(family, 0, 0)
    address, slash, length = text.partition("/")
    family = AF_INET6 if ":" in address else AF_INET
    bits = _BITS[family]
    try:
        number = int.from_bytes(socket.inet_pton(family, address), "big")
    except (OSError, ValueError):
        return None
    if slash and (not length.isascii() or not length.isdecimal() or len(length) > 3 or int(length) > bits):
        return None
    size = int(length) if slash else bits
    return Prefix(family, number >> (bits - size) << (bits - size), size)


def table(name: str) -> str:
    """By its name where every node has that."""
    return _BY_NUMBER.get(name, name)


def around(address: Prefix) -> Iterator[Prefix]:
    """All prefixes that hold it."""
    bits = _BITS[address.family]
    for length in range(bits + 1):
        yield Prefix(address.family, address.first >> (bits - length) << (bits - length), length)


def parse(text: str, family: int | None, wanted: Collection[Prefix]) -> Routes:
    """``family`` None: told by the lines; ``wanted``: destinations that matter."""
    of = Routes({}, defaultdict(set))
    seen_six = False
    for words, hops in _blocks(text):
        kind, at = (words[0], 1) if words[0] in _KINDS and len(words) > 1 else (UNICAST, 0)
        its = family or _family(words[at:], hops, seen_six=seen_six)
        to = prefix(words[at], its)
        if to is None:
            continue
        seen_six |= to.family == AF_INET6
        of.by_whom |= "proto" in words
        if to not in wanted:
            of.tables[to.family].add(table(_behind("table", words) or MAIN))
            continue
        route = _route(to, kind, words[at + 1 :], hops)
        of.tables[to.family].add(route.table)
        of.found.setdefault(route)
    return of


def _blocks(text: str) -> Iterator[tuple[list[str], list[list[str]]]]:
    """Words of a route, and of its next hops; not what ``ip route get`` says, which is no table's."""
    block: tuple[list[str], list[list[str]]] | None = None
    for line in (_ONE_LINE.sub("\n", text) if "\\" in text else text).splitlines():
        words = line.split()
        if not words:
            continue
        if not line[0].isspace():
            if block is not None:
                yield block
            block = words, []
        elif words[0] == "nexthop" and block is not None:
            block[1].append(words[1:])
        elif words[0] == "cache":
            block = None
    if block is not None:
        yield block


def _family(words: list[str], hops: Iterable[list[str]], *, seen_six: bool) -> int:
    """Of a route by its words; IPv4's come first where nothing tells."""
    gateway = _behind("via", words) or next((_behind("via", each) for each in hops), None) or ""
    if ":" in gateway or not _ONLY_SIX.isdisjoint(words):
        return AF_INET6
    return AF_INET6 if seen_six and "." not in gateway and "scope" not in words else AF_INET


def _behind(word: str, words: list[str]) -> str | None:
    for at, each in enumerate(words[:-1]):
        if each == word and (at == 0 or words[at - 1] != "dev"):
            return words[at + 1]
    return None


def _route(to: Prefix, kind: str, words: list[str], nexthops: Iterable[list[str]]) -> Route:
    hop, told = _told(words)
    hops = [_told(each)[0] for each in nexthops]
    metric = told.get("metric", "0")
    number = int(metric) if metric.isascii() and metric.isdecimal() and len(metric) < 11 else 0
    return Route(
        to,
        kind,
        table(told.get("table", MAIN)),
        min(number, _MOST_METRIC),
        tuple(hops) or (hop,),
        prefix(told["from"]) if "from" in told else None,
        "tos" in told or "dsfield" in told,
    )


def _told(words: list[str]) -> tuple[Hop, dict[str, str]]:
    """Where it leads, and what else is said of it: each word once, the first time."""
    told: dict[str, str] = {}
    hop = Hop(None)
    at = 0
    while at < len(words):
        word, behind = words[at], words[at + 1] if at + 1 < len(words) else ""
        if word == "encap":  # of any words, before where it leads
            at = next((n for n in range(at + 1, len(words)) if words[n] in {"via", "dev"}), len(words))
            continue
        if word in {"dead", "linkdown"}:
            hop = replace(hop, dead=hop.dead or word == "dead")
        elif word == "via" and behind in {"inet", "inet6"}:
            at += 2
        elif word == "via":
            hop = replace(hop, gateway=behind if hop.gateway is None and prefix(behind) else hop.gateway)
            at += 1
        elif word == "dev":
            hop = replace(
                hop, interface=escaped(behind) if hop.interface is None and behind else hop.interface
            )
            at += 1
        elif word in {"table", "metric", "from", "tos", "dsfield"}:
            told.setdefault(word, behind)
            at += 1
        at += 1
    return hop, told

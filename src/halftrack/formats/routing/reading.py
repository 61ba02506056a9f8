"""All that was sent of a namespace's routes and policy rules as its routing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from halftrack.evidence.routing import FIRST_RULES, DefaultRoute, Routing, WayBack
from halftrack.evidence.uapi import AF_INET, AF_INET6
from halftrack.formats.routing import proc, rules, ways
from halftrack.formats.routing.routes import (
    DEFAULT,
    LOCAL,
    MAIN,
    UNICAST,
    Prefix,
    Route,
    around,
    parse,
    prefix,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from halftrack.evidence.values import LocalAddress
    from halftrack.formats.routing.ways import Way

_TOGETHER: Final = "routes"
"""Of the collecting script: rules and routes, those of each family below a line with its name."""
ROUTES: Final = "routes/"
RULES: Final = "ip-rules/"
NAMES: Final = {AF_INET: "ipv4", AF_INET6: "ipv6"}
"""Of families, behind these: ``routes/ipv4``. Behind ``routes/`` may stand anything: its lines tell."""
_PROC: Final = {AF_INET: "net/route", AF_INET6: "net/ipv6_route"}
CUT: Final = "and more\n"
"""What a text ends with of which the rest is missing, as the collecting script has it."""
_HEADS: Final = re.compile(r"^(ipv[46])\n", re.MULTILINE)
_FIB_TABLES: Final = "net/fib_tables"
"""The heads of ``/proc/net/fib_trie``."""
_NUMBERS: Final = {DEFAULT: 253, MAIN: 254, LOCAL: 255}
_NO_NUMBER: Final = 0
"""RT_TABLE_UNSPEC: a table that is told by its name."""
_EVERYWHERE: Final = frozenset({MAIN, LOCAL, DEFAULT, "unspec", "0"})
_MOST: Final = 4_096
_SHOWN: Final = {AF_INET: "IPv4", AF_INET6: "IPv6"}
_RP_FILTER: Final = re.compile(r"net\.ipv4\.conf\.(?P<name>.+)\.rp_filter")


def is_text_of(what: str) -> bool:
    """Whether the section of that name is read here."""
    return what.startswith((ROUTES, RULES)) or what in {_TOGETHER, _FIB_TABLES} or what in _PROC.values()


def read(
    texts: Mapping[str, str],
    ends: Sequence[tuple[str, str]],
    addresses: Sequence[LocalAddress],
    settings: Mapping[str, str],
) -> Routing | None:
    """None where nothing of it was sent.

    ``texts``: by name; others than ``is_text_of`` are passed over. ``ends``: addresses of ours and their
    peers. ``addresses``: of the namespace.
    """
    texts = {**texts, **dict(_apart(texts.get(_TOGETHER, "")))}
    peers = {peer: prefix(peer) for _, peer in ends}
    wanted = {Prefix(family, 0, 0) for family in NAMES}
    wanted.update(each for peer in peers.values() if peer is not None for each in around(peer))
    of = {family: _Family(family, texts, wanted) for family in NAMES}
    if not any(each.sent for each in of.values()):
        return None
    own = {one.address: one.interface for one in addresses}
    found = []
    for local, peer in ends:
        expected = own.get(local)
        way = _way(of, prefix(local), peers[peer], own=expected is not None, ours=peer in own)
        found.append(WayBack(local, peer, way.interface, expected, way.untold))
    added = [each.added for each in of.values()]
    return Routing(
        tuple(found),
        tuple(route for each in of.values() for route in _defaults(each.routes)),
        None if None in added else sum(number or 0 for number in added),
        _rp_filter(settings),
        tuple(unread for each in of.values() for unread in each.unread()),
    )


def _apart(together: str) -> Iterator[tuple[str, str]]:
    """No line of a rule is one of a route, so that both may be looked for in all of them."""
    _, *parts = _HEADS.split(together)
    cut = CUT if together.endswith(CUT) else ""
    for family, text in zip(parts[::2], parts[1::2], strict=True):
        yield f"{ROUTES}{family}", text.removesuffix(cut) + cut
        yield f"{RULES}{family}", text.removesuffix(cut) + cut


class _Family:
    """What was sent of one. ``sent``: anything at all."""

    def __init__(self, family: int, texts: Mapping[str, str], wanted: Collection[Prefix]) -> None:
        self.routes: dict[Route, None] = {}
        """In their order."""
        self.untold = ""
        """Why no way can be told, whatever the routes are."""
        self._family = family
        self._tables: set[str] = set()
        self._by_whom = self._cut = False
        for what, text in texts.items():
            if what.startswith(ROUTES):
                self._take(what.removeprefix(ROUTES), text, wanted)
        shown = texts.get(f"{RULES}{NAMES[family]}", "")
        hidden = bool(self._tables) and not self._by_whom
        self._rules = rules.parse(shown, family, hidden=hidden)
        self.added = (
            sum(rule.priority not in FIRST_RULES[family] for rule in self._rules) if self._rules else None
        )
        self._cut |= shown.endswith(CUT)
        if self._cut:
            self.untold = "not all routes and policy rules were sent"
        if len(self._rules) > rules.MOST or len(self.routes) > _MOST:
            self.untold = "there are more routes or policy rules than are read"
        self._from_proc = not self._tables and not self._rules and _PROC[family] in texts
        if self._from_proc:
            self._take_proc(texts, wanted)
        self.sent = bool(self._tables or self._rules or self._from_proc)

    def _take(self, what: str, text: str, wanted: Collection[Prefix]) -> None:
        by_name = {name: family for family, name in NAMES.items()}
        if by_name.get(what, self._family) != self._family:
            return
        found = parse(text, by_name.get(what), wanted)
        self.routes |= {route: None for route in found.found if route.to.family == self._family}
        self._tables |= found.tables.get(self._family, set())
        self._by_whom |= found.by_whom
        self._cut |= text.endswith(CUT)

    def _take_proc(self, texts: Mapping[str, str], wanted: Collection[Prefix]) -> None:
        read_as = proc.routes if self._family == AF_INET else proc.routes_v6
        if texts[_PROC[self._family]].endswith(CUT):
            self.untold = "not all routes were sent"
        self.routes = dict.fromkeys(read_as(texts[_PROC[self._family]], wanted))
        if self._family == AF_INET:
            others = proc.other_tables(texts.get(_FIB_TABLES, ""))
            if others is not False or texts[_FIB_TABLES].endswith(CUT):
                self.untold = "/proc/net/route shows neither policy rules nor the tables that they lead to"

    def way(self, local: Prefix, peer: Prefix, *, own: bool) -> Way:
        if not self.sent:
            return ways.Way(None, f"the routes of {_SHOWN[self._family]} were not sent")
        if self.untold:
            return ways.Way(None, self.untold)
        if self._from_proc and self._family == AF_INET6:
            return ways.by_any(self.routes, peer, "/proc/net/ipv6_route does not tell tables apart")
        whole = self._tables > {MAIN}
        if not self._rules and not self._from_proc and (not whole or self._tables - _EVERYWHERE):
            return ways.Way(None, "policy rules were not sent")
        chosen = self._rules or rules.everywhere(self._family)
        return ways.Tables(self.routes, chosen, None if whole else _EVERYWHERE).way(local, peer, own=own)

    def unread(self) -> Iterator[str]:
        shown = _SHOWN[self._family]
        if not self.sent:
            yield f"routes of {shown}: not sent"
        elif self._from_proc:
            yield f"policy rules of {shown}, and more than the first of next hops: /proc does not show them"
        elif not self._rules:
            yield f"policy rules of {shown}: not sent"


def _way(
    of: Mapping[int, _Family], local: Prefix | None, peer: Prefix | None, *, own: bool, ours: bool
) -> Way:
    if local is None or peer is None:
        return ways.Way(None, "an address is masked")
    # What is an address of this namespace stays in it, whichever tables were sent.
    return ways.Way(None) if ours else of[peer.family].way(local, peer, own=own)


def _defaults(routes: Iterable[Route]) -> Iterator[DefaultRoute]:
    for route in routes:
        if route.kind != UNICAST or route.to.length:
            continue
        number = int(route.table) if route.table.isascii() and route.table.isdecimal() else _NO_NUMBER
        for hop in route.hops:
            if hop.interface is not None:
                table = _NUMBERS.get(route.table, number if number < 1 << 32 else _NO_NUMBER)
                yield DefaultRoute(route.to.family, hop.interface, hop.gateway, route.metric, table)


def _rp_filter(settings: Mapping[str, str]) -> dict[str, int]:
    """As ``kernel.routes`` has it: of an interface's own value and that of all the higher counts."""
    told = {
        found["name"]: int(value)
        for name, value in settings.items()
        if (found := _RP_FILTER.fullmatch(name)) and value in {"0", "1", "2"}
    }
    everywhere = told.get("all", 0)
    return {
        name: most
        for name, value in sorted(told.items())
        if name not in {"all", "default", "lo"} and (most := max(everywhere, value))
    }

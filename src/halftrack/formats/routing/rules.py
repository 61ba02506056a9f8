"""Lines of ``ip rule``: which packets go by which table (iproute2, ip/iprule.c, print_rule).

BusyBox's shows of what a rule asks for only addresses, marks and the interface a packet came by, neither
``not`` nor where ``goto`` leads.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import Final

from halftrack.evidence.routing import FIRST_RULES, LOOPBACK
from halftrack.evidence.uapi import AF_INET
from halftrack.formats.routing import routes
from halftrack.formats.routing.routes import DEFAULT, LOCAL, MAIN, Prefix, prefix

_TABLES: Final = dict(zip(FIRST_RULES[AF_INET], (LOCAL, MAIN, DEFAULT), strict=True))
MOST: Final = 4_096
_LINE: Final = re.compile(r"(?P<priority>\d{1,10}):\s+(?P<rest>(?:not\s+)?from\s.*)", re.ASCII)
_ENDS: Final = frozenset({"unreachable", "prohibit", "blackhole"})
_GOES_BY: Final = {
    "fwmark": "the mark of packets",
    "oif": "what a socket is bound to",
    "uidrange": "the user of a socket",
    "tos": "the type of service",
    "dsfield": "the type of service",
    "dscp": "the type of service",
    "ipproto": "the protocol",
    "sport": "ports",
    "dport": "ports",
    "tun_id": "tunnels",
    "flowlabel": "the flow label",
}
"""What no text tells of a packet: the word of the rule, and ours."""
_SAYS: Final = frozenset(
    {
        "from",
        "to",
        "iif",
        "lookup",
        "goto",
        "suppress_prefixlength",
        "suppress_ifgroup",
        "proto",
        "protocol",
        "realms",
    }
)
_PASS: Final = frozenset({"nop", "[unresolved]"})
_ODD: Final = "what is not understood"
_VRF: Final = "the VRF of an interface"
_OF_VRF: Final = "[l3mdev-table]"
_HIDDEN: Final = "what BusyBox does not show"


@dataclass(frozen=True, slots=True)
class Rule:
    """``source``, ``to``: whose packets it is for; None: of all. ``came_by``: an interface.

    ``goes_by``: what else it asks for, in words, where that is not told of packets. ``table`` None: it
    ends in an error, or goes on with the rule ``goto``. ``hides``: routes of no more bits than this are not
    looked at. ``unknown``: what it does cannot be told.
    """

    priority: int
    negated: bool = False
    source: Prefix | None = None
    to: Prefix | None = None
    came_by: str | None = None
    goes_by: str = ""
    table: str | None = None
    goto: int | None = None
    passes: bool = False
    hides: int = -1
    unknown: bool = False

    def holds(self, local: Prefix, peer: Prefix, *, own: bool) -> bool | None:
        """For an answer from one to the other; ``own``: that begins here. None: it cannot be told."""
        of_these: list[bool | None] = []
        if self.source is not None:
            of_these.append(self.source.holds(local))
        if self.to is not None:
            of_these.append(self.to.holds(peer))
        if self.came_by == LOOPBACK:  # by which comes what begins here, as the kernel sees it
            of_these.append(own)
        elif self.came_by is not None:
            of_these.append(False if own else None)
        if self.goes_by:
            of_these.append(None)
        held = False if False in of_these else None if None in of_these else True
        return held if held is None or not self.negated else not held


def everywhere(family: int) -> tuple[Rule, ...]:
    """The rules that a namespace begins with."""
    return tuple(Rule(priority, table=_TABLES[priority]) for priority in FIRST_RULES[family])


def parse(text: str, family: int, *, hidden: bool) -> tuple[Rule, ...]:
    """In their order, at most one more than ``MOST``. ``hidden``: of added ones not all is shown."""
    lines = filter(None, map(_LINE.fullmatch, text.splitlines()))
    found = [_rule(line, family, hidden=hidden) for line in itertools.islice(lines, MOST + 1)]
    return tuple(sorted(found, key=lambda each: each.priority))


def _rule(line: re.Match[str], family: int, *, hidden: bool) -> Rule:
    priority = int(line["priority"])
    words = line["rest"].split()
    negated = words[0] == "not"
    told, goes_by, alone = _told(words[int(negated) :])
    table, goto = routes.table(told.get("lookup", "")), _whole(told.get("goto"))
    hides = _whole(told["suppress_prefixlength"]) if "suppress_prefixlength" in told else -1
    ends, passes = not alone.isdisjoint(_ENDS), not alone.isdisjoint(_PASS)
    sides = {side: _side(told[side], family) for side in ("from", "to") if told.get(side, "all") != "all"}
    if table == _OF_VRF:
        goes_by.append(_VRF)
    if None in sides.values():
        goes_by.append(_ODD)
    only_in_part = hidden and priority not in FIRST_RULES[family]
    if only_in_part:
        goes_by.append(_HIDDEN)
    return Rule(
        priority,
        negated,
        None if only_in_part else sides.get("from"),
        None if only_in_part else sides.get("to"),
        None if only_in_part else told.get("iif"),
        goes_by[0] if goes_by else "",
        None if ends or passes or goto is not None else table,
        goto,
        passes,
        -1 if hides is None else hides,
        hides is None
        or "suppress_ifgroup" in told
        or (table in {_OF_VRF, "unspec"} if table else not (ends or passes or goto is not None)),
    )


def _told(words: list[str]) -> tuple[dict[str, str], list[str], set[str]]:
    """Words with the one behind each, what it goes by that no text tells, and words that stand alone."""
    told: dict[str, str] = {}
    goes_by: list[str] = []
    alone: set[str] = set()
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in _ENDS or word in _PASS or word == "[detached]":
            alone.add(word)
        elif word in _GOES_BY or word in _SAYS:
            told.setdefault(word, words[at] if at < len(words) else "")
            at += 1
            goes_by += [_GOES_BY[word]] if word in _GOES_BY else []
        else:
            goes_by.append(_ODD)
    return told, goes_by, alone


def _side(text: str, family: int) -> Prefix | None:
    """Of that family; None: it is none."""
    found = prefix(text)
    return found if found is not None and found.family == family else None


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 11 else None

"""``nft -j list ruleset`` as tables: libnftables-json(5)."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from halftrack.evidence.rulesets import Action, Base, Chain, Condition, Family, Hook, Rule, RuleTable
from halftrack.formats.rules import bounds, nft_match, nft_text
from halftrack.formats.rules.bounds import Unreadable

if TYPE_CHECKING:
    from halftrack.formats.rules.nft_match import Sets
    from halftrack.formats.rules.nft_sides import Conditions

_FAMILIES: Final[Mapping[str, Family]] = {"ip": "ip", "ip6": "ip6", "inet": "inet", "bridge": "bridge"}
_HOOKS: Final[Mapping[str, Hook]] = {
    "prerouting": "prerouting",
    "input": "input",
    "forward": "forward",
    "output": "output",
    "postrouting": "postrouting",
}
_ENDS: Final[Mapping[str, Action]] = {
    "accept": "accept",
    "drop": "drop",
    "reject": "drop",
    "return": "return",
    "snat": "translate",
    "dnat": "translate",
    "masquerade": "translate",
    "redirect": "translate",
    "queue": "unclear",
    "fwd": "unclear",
    "tproxy": "unclear",
    "synproxy": "unclear",
    "flow": "unclear",
}
_NOTHING: Final = frozenset(
    {"counter", "log", "continue", "dup", "ct timeout", "ct helper", "ct expectation", "last", "secmark"}
)
_MAY_NOT_HOLD: Final = frozenset({"limit", "quota", "set", "map", "meter"})
"""Statements that let a packet go on or not, whether it has an entry or not."""
_TOLD: Final = frozenset(
    {"comment", "tcp", "udp", "multiport", "limit", "addrtype", "physdev", "mark", "set"}
)
"""Matches of xtables that look at the packet alone, as nft shows them where iptables made the rule."""
_PASSING: Final = frozenset({"LOG", "NFLOG", "MARK", "TCPMSS", "CHECKSUM", "CLASSIFY"})
_CHANGING: Final = ("dynamic", "timeout")
"""Flags of sets whose elements come and go by themselves."""
_ALWAYS: Final = ((),)
_ADDRESSING: Final = frozenset({"saddr", "daddr", "sport", "dport"})
_AT_TABLE: Final = re.compile(r"table (\w+) (\S+) \{")
_AT_CHAIN: Final = re.compile(r"\tchain (\S+) \{")
_AT_RULE: Final = re.compile(r"\t\t(.*) # handle ([0-9]{1,18})$")


class _Step(NamedTuple):
    conditions: Conditions
    action: Action
    target: str = ""


def tables(listing: str, text: str = "") -> list[RuleTable]:
    """``text``: what ``nft -a list ruleset`` prints, to quote from. Raises Unreadable."""
    bounds.check(listing)
    bounds.check(text)
    try:
        objects = msgspec.json.decode(listing)["nftables"]
    except (msgspec.DecodeError, UnicodeError, KeyError, TypeError, RecursionError) as error:
        raise Unreadable("it is not JSON as nft prints it") from error
    if not isinstance(objects, list) or not all(isinstance(one, dict) for one in objects):
        raise Unreadable("it is not JSON as nft prints it")
    return _Reader(objects, _texts(text)).tables()


def tables_of_text(text: str) -> list[RuleTable]:
    """The same of what ``nft list ruleset`` prints. Raises Unreadable."""
    objects, texts = nft_text.objects(text)
    return _Reader(objects, texts).tables()


class _Reader:
    def __init__(self, objects: list[dict[str, Any]], texts: Mapping[tuple[str, ...], str]) -> None:
        self._texts = texts
        self._number = 0
        self._tables = _of(objects, "table")
        self._chains: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for chain in _of(objects, "chain"):
            self._chains.setdefault((_text(chain, "family"), _text(chain, "table")), []).append(chain)
        self._rules: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
        for rule in _of(objects, "rule"):
            key = (_text(rule, "family"), _text(rule, "table"), _text(rule, "chain"))
            self._rules.setdefault(key, []).append(rule)
        self._sets: dict[tuple[str, str], dict[str, list[Any]]] = {}
        for kind in ("set", "map"):
            for each in _of(objects, kind):
                flags, held = each.get("flags"), each.get("elem", [])
                changes = flags is not None and any(flag in str(flags) for flag in _CHANGING)
                if isinstance(held, list) and not changes:
                    place = (_text(each, "family"), _text(each, "table"))
                    self._sets.setdefault(place, {})[_text(each, "name")] = held

    def tables(self) -> list[RuleTable]:
        return [self._table(each) for each in self._tables]

    def _table(self, table: Mapping[str, Any]) -> RuleTable:
        family, name = _text(table, "family"), _text(table, "name")
        chains = {}
        for chain in self._chains.get((family, name), ()):
            called = _text(chain, "name")
            rules = self._rules.get((family, name, called), [])
            sets = self._sets.get((family, name), {})
            made = tuple(
                itertools.chain.from_iterable(self._rule(*each, sets) for each in enumerate(rules, 1))
            )
            chains[called] = Chain(called, made, _base(chain))
        return RuleTable(_FAMILIES.get(family, "other"), name, "nft", chains)

    def _rule(self, position: int, rule: Mapping[str, Any], sets: Sets) -> Iterator[Rule]:
        expressions = rule.get("expr", [])
        text = self._quoted(rule, expressions)
        if not isinstance(expressions, list):
            expressions = [None]
        for step in _steps(expressions, sets):
            self._number += 1
            bounds.check_number(self._number)
            yield Rule(position, text, step.conditions, step.action, step.target)

    def _quoted(self, rule: Mapping[str, Any], expressions: Any) -> str:
        key = (_text(rule, "family"), _text(rule, "table"), _text(rule, "chain"), str(rule.get("handle")))
        found = self._texts.get(key)
        return found or bounds.quoted(json.dumps(expressions)[:2000])


def _steps(expressions: list[Any], sets: Sets) -> Iterator[_Step]:
    """One rule taken apart: a step for each thing that it does, under what holds until then."""
    ways: list[Conditions] = [()]
    for each in expressions:
        name, value = next(iter(each.items()), ("", None)) if isinstance(each, dict) else ("", None)
        more = _narrowed(name, value, sets)
        if more != _ALWAYS:
            bounds.check_number(len(ways) * len(more))
            ways = [(*way, *found) for way in ways for found in more]
        for step in _done(name, value, sets):
            yield from (_Step((*way, *step.conditions), step.action, step.target) for way in ways)


def _narrowed(name: str, value: Any, sets: Sets) -> tuple[Conditions, ...]:
    """Under which conditions the rest of a rule is come to."""
    if name == "match":
        return _matches(value, sets)
    if name == "ct count":
        return ((nft_match.OF_ENTRY,),)
    if name == "xt":
        return _compatible(value)
    return ((nft_match.UNKNOWN,),) if name in _MAY_NOT_HOLD else _ALWAYS


def _done(name: str, value: Any, sets: Sets) -> Iterator[_Step]:
    """What a statement does."""
    match name:
        case "vmap":
            yield from _branches(value, sets)
        case "jump" | "goto":
            target = value.get("target", "") if isinstance(value, dict) else ""
            yield _Step((), name, str(target))
        case "mangle":
            yield from (_Step((), does) for does in _mangled(value))
        case "notrack":
            yield _Step((), "untrack")
        case "xt":
            yield from (_Step((), does) for does in _targets(value))
        case "match" | "ct count":
            return
        case _ if name not in _NOTHING | _MAY_NOT_HOLD:
            yield _Step((), _ENDS.get(name, "unclear"))


def _matches(value: Any, sets: Sets) -> tuple[Conditions, ...]:
    if not isinstance(value, dict):
        return ((nft_match.OF_ENTRY,),)
    return nft_match.alternatives(value.get("left"), str(value.get("op", "==")), value.get("right"), sets)


def _branches(value: Any, sets: Sets) -> Iterator[_Step]:
    """Of a verdict map. Elements come one after the other: at most one of them holds."""
    key = value.get("key") if isinstance(value, dict) else None
    data = value.get("data") if isinstance(value, dict) else None
    inline = data.get("set") if isinstance(data, dict) else None
    held = sets.get(data[1:]) if isinstance(data, str) else inline
    if not isinstance(held, list):
        yield _Step((nft_match.unknown(key),), "unclear")
        return
    for each in held:
        verdict = each[1] if isinstance(each, list) and len(each) == 2 else None
        if not isinstance(verdict, dict) or not verdict:
            yield _Step((nft_match.unknown(key),), "unclear")
            continue
        conditions: tuple[Condition, ...] = () if each[0] == "*" else nft_match.element(key, each[0], sets)
        for step in _steps([verdict], sets):
            yield _Step(conditions, step.action, step.target)


def _mangled(value: Any) -> tuple[Action, ...]:
    key = value.get("key") if isinstance(value, dict) else None
    if not isinstance(key, dict):
        return ("unclear",)
    if isinstance(ct := key.get("ct"), dict):
        return ("unclear",) if ct.get("key") == "zone" else ("mark-entry",)
    payload = key.get("payload")
    if isinstance(payload, dict) and (payload.get("field") in _ADDRESSING or "base" in payload):
        return ("unclear",)
    return ("read-entry",) if nft_match.reads_entry(value.get("value")) else ()


def _compatible(value: Any) -> tuple[Conditions, ...]:
    """What is known of a match of iptables that nft shows without its words."""
    name = value.get("name") if isinstance(value, dict) else None
    if name == "comment" or not _is_match(value):
        return _ALWAYS
    return ((nft_match.UNKNOWN if name in _TOLD else nft_match.OF_ENTRY,),)


def _targets(value: Any) -> tuple[Action, ...]:
    """The same of a target."""
    passes = _is_match(value) or (isinstance(value, dict) and value.get("name") in _PASSING)
    return () if passes else ("unclear",)


def _is_match(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "match"


def _base(chain: Mapping[str, Any]) -> Base | None:
    hook, priority = _HOOKS.get(_text(chain, "hook")), chain.get("prio", 0)
    if hook is None:
        return None
    accepts = chain.get("policy", "accept") == "accept"
    return Base(hook, priority if isinstance(priority, int) else 0, _text(chain, "type"), accepts)


def _of(objects: list[dict[str, Any]], kind: str) -> list[Mapping[str, Any]]:
    return [one[kind] for one in objects if isinstance(one.get(kind), dict)]


def _text(value: Mapping[str, Any], key: str) -> str:
    return str(value.get(key, ""))


def _texts(text: str) -> dict[tuple[str, ...], str]:
    """By family, table, chain and handle, the rule as nft writes it."""
    found: dict[tuple[str, ...], str] = {}
    family = table = chain = ""
    for line in text.splitlines():
        if line.startswith("\t\t"):
            if chain and (rule := _AT_RULE.match(line)):
                found[family, table, chain, rule[2]] = bounds.quoted(rule[1])
        elif line.startswith("\t"):
            inner = _AT_CHAIN.match(line)
            chain = inner[1] if inner else ""
        elif outer := _AT_TABLE.match(line):
            family, table, chain = outer[1], outer[2], ""
    return found

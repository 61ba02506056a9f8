"""Whether a ruleset would miss an entry: whether a packet without one would fare otherwise than with it.

Answered for the plainest rulesets alone, those that let everything pass and translate nothing. Of
any other it is said that nobody can tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

_HARMLESS: Final = frozenset(
    {
        "match",
        "counter",
        "accept",
        "return",
        "continue",
        "jump",
        "goto",
        "log",
        "limit",
        "quota",
        "notrack",
        "mangle",
        "set",
        "ct timeout",
        "ct helper",
        "ct count",
        "last",
    }
)
"""Statements of libnftables-json(5) after which a packet goes on, or is let through."""


def lets_all_pass(ruleset: Mapping[str, object]) -> bool:
    """``ruleset``: what ``nft -j list ruleset`` prints, decoded."""
    objects = ruleset.get("nftables")
    return isinstance(objects, Sequence) and all(_harmless(one) for one in objects)


def _harmless(one: object) -> bool:
    if not isinstance(one, Mapping):
        return False
    if "chain" in one:
        chain = one["chain"]
        return isinstance(chain, Mapping) and chain.get("policy", "accept") == "accept"
    if "flowtable" in one:
        return False
    if "rule" not in one:
        return True
    rule = one["rule"]
    statements = rule.get("expr", ()) if isinstance(rule, Mapping) else None
    return isinstance(statements, Sequence) and all(
        isinstance(statement, Mapping) and statement.keys() <= _HARMLESS and not _remembers(statement)
        for statement in statements
    )


def _remembers(value: object) -> bool:
    """Whether it reads what only the entry holds (its mark, its label): that may choose the packet's way."""
    if isinstance(value, Mapping):
        ct = value.get("ct")
        read = isinstance(ct, Mapping) and ct.get("key") in {"mark", "label"}
        return read or any(_remembers(each) for each in value.values())
    return isinstance(value, Sequence) and not isinstance(value, str) and any(map(_remembers, value))

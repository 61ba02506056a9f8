"""Expressions of libnftables-json(5) as conditions.

A match becomes alternatives, each a tuple of conditions that hold together: a set of pairs
(address, port) cannot be said otherwise. What is not understood becomes the condition that nobody
can answer: ``entry`` where it may look at the entry, ``packet`` where it surely does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from halftrack.evidence.rulesets import Condition
from halftrack.formats.rules.nft_sides import Side, bare, bits, side_of

if TYPE_CHECKING:
    from halftrack.formats.rules.nft_sides import Conditions
    from halftrack.formats.rules.numbers import Range

Sets: TypeAlias = Mapping[str, list[Any]]
"""Elements by name of set or map; those that change by themselves are not in it."""

UNKNOWN: Final = Condition("packet")
OF_ENTRY: Final = Condition("entry")
_DEPTH: Final = 12
_FAMILIES: Final = {"ipv4": "ip", "ipv6": "ip6", "ip": "ip", "ip6": "ip6", 2: "ip", 10: "ip6"}
_OF_PACKET: Final = frozenset(
    {
        "meta",
        "payload",
        "fib",
        "numgen",
        "jhash",
        "symhash",
        "exthdr",
        "rt",
        "osf",
        "socket",
        "ipsec",
        "tcp option",
    }
)
"""Expressions that look at the packet or the node, never at an entry."""
_STATUS: Final = {"ct": {"key": "status"}}
_WHOLE: Final = 0xFFFFFFFF
_MOST: Final = (1 << 128) - 1


def alternatives(left: Any, op: str, right: Any, sets: Sets) -> tuple[Conditions, ...]:
    """``left op right`` as alternatives, of which at most one holds unless one is not understood."""
    if isinstance(left, dict) and isinstance(left.get("concat"), list):
        elements = _elements(right, sets)
        if op not in {"==", "in"} or elements is None:
            return ((unknown(left),),)
        return tuple(element(left, each, sets) for each in elements)
    if left == _STATUS and op == "in" and (words := _translated(right)):
        return ((Condition("state", words=words),),)
    side = side_of(left)
    if side is None or side.read is None:
        return (((side.before if side else ()) + (unknown(left),)),)
    try:
        return ((*side.before, _compared(side, op, right, sets)),)
    except (ValueError, TypeError, AttributeError, KeyError, IndexError):
        return ((*side.before, replace(unknown(left), field="entry" if side.field in _ENTRY else "packet")),)


_ENTRY: Final = ("state", "ct-mark")


def _translated(right: Any) -> frozenset[str]:
    """Of ``ct status``: whether it asks for translation alone."""
    words = right if isinstance(right, list) else [right]
    asked = frozenset(each for each in words if isinstance(each, str))
    return asked if len(asked) == len(words) and asked <= {"snat", "dnat"} else frozenset()


def element(left: Any, value: Any, sets: Sets) -> Conditions:
    """That ``left`` is one element of a set or map."""
    value = bare(value)
    if isinstance(left, dict) and isinstance(left.get("concat"), list):
        parts = value.get("concat") if isinstance(value, dict) else None
        if not isinstance(parts, list) or len(parts) != len(left["concat"]):
            return (unknown(left),)
        pairs = zip(left["concat"], parts, strict=True)
        return tuple(one for part, is_ in pairs for one in alternatives(part, "==", is_, sets)[0])
    return alternatives(left, "==", value, sets)[0]


def unknown(value: Any) -> Condition:
    """The condition that nobody can answer."""
    return UNKNOWN if _of_packet(value, 0) else OF_ENTRY


def reads_entry(value: Any, depth: int = 0) -> bool:
    """Whether an expression looks at the entry, or may."""
    if depth > _DEPTH:
        return True
    if isinstance(value, dict):
        return "ct" in value or any(reads_entry(each, depth + 1) for each in value.values())
    return isinstance(value, list) and any(reads_entry(each, depth + 1) for each in value)


def _of_packet(value: Any, depth: int) -> bool:
    if reads_entry(value, depth) or not isinstance(value, dict):
        return False
    name, inner = next(iter(value.items()), ("", None))
    if name in _OF_PACKET:
        return True
    parts = inner if isinstance(inner, list) else [inner]
    known = [each for each in parts if isinstance(each, dict)]
    return bool(known) and depth < _DEPTH and all(_of_packet(each, depth + 1) for each in known)


def _compared(side: Side, op: str, right: Any, sets: Sets) -> Condition:
    """Raises ValueError, TypeError, … where the right side is not understood."""
    negated = op == "!="
    match side.field:
        case "state" | "family" | "in" | "out":
            return Condition(side.field, words=frozenset(_words(side, right, sets)), negated=negated)
        case "local":
            if set(_words(side, right, sets)) != {"local"}:
                raise ValueError("another type of address")
            return Condition("local", words=frozenset({"saddr" if side.mask else "daddr"}), negated=negated)
        case "flags" | "ct-mark":
            return _masked(side, op, right, sets)
    if op in {"<", ">", "<=", ">="}:
        low, high = _range(side, right)
        bounds = {"<": (0, low - 1), "<=": (0, high), ">": (high + 1, _MOST), ">=": (low, _MOST)}
        return Condition(side.field, (bounds[op],))
    values = _elements(right, sets)
    if values is None:
        raise ValueError("elements that are not known")
    return Condition(side.field, tuple(_range(side, each) for each in values), negated=negated)


def _masked(side: Side, op: str, right: Any, sets: Sets) -> Condition:
    if op == "in":  # any of these bits
        return Condition(side.field, ((bits(right, side.field), 0),), negated=True)
    values = _elements(right, sets) if isinstance(right, (Mapping, str)) else [right]
    if values is None or op not in {"==", "!="}:
        raise ValueError("elements that are not known")
    whole = 0xFF if side.field == "flags" else _WHOLE
    mask = whole if side.mask is None else side.mask
    ranges = tuple((mask, bits(each, side.field)) for each in values)
    return Condition(side.field, ranges, negated=op == "!=")


def _words(side: Side, right: Any, sets: Sets) -> list[str]:
    values = right if isinstance(right, list) else _elements(right, sets)
    if values is None:
        raise ValueError("elements that are not known")
    words = [bare(each) for each in values]
    if side.field == "family":
        return [_FAMILIES[each] for each in words]
    if not all(isinstance(each, str) for each in words):
        raise ValueError("no names")
    return words


def _elements(right: Any, sets: Sets) -> list[Any] | None:
    """What a set holds, or the one value that is no set; None where that is not known."""
    if isinstance(right, str) and right.startswith("@"):
        return sets.get(right[1:])
    if isinstance(right, dict) and "set" in right:
        inner = right["set"]
        return inner if isinstance(inner, list) else [inner]
    return [right]


def _range(side: Side, value: Any) -> Range:
    value = bare(value)
    if side.read is None:
        raise ValueError("not to be compared")
    if isinstance(value, dict) and isinstance(value.get("range"), list):
        low, high = (side.read(each) for each in value["range"])
        return low[0], high[1]
    return side.read(value)

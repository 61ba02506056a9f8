"""Expressions of libnftables-json(5) as conditions.

A match becomes alternatives, each a tuple of conditions that hold together: a set of pairs
(address, port) cannot be said otherwise. What is not understood becomes the condition that nobody
can answer: ``entry`` where it may look at the entry, ``packet`` where it surely does not.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from halftrack.evidence import uapi
from halftrack.evidence.rulesets import Condition, Field
from halftrack.formats.rules import numbers

if TYPE_CHECKING:
    from halftrack.formats.rules.numbers import Range

Conditions: TypeAlias = tuple[Condition, ...]
Sets: TypeAlias = Mapping[str, list[Any]]
"""Elements by name of set or map; those that change by themselves are not in it."""

UNKNOWN: Final = Condition("packet")
OF_ENTRY: Final = Condition("entry")
_DEPTH: Final = 12
_TRANSPORTS: Final = {
    "tcp": uapi.IPPROTO_TCP,
    "udp": uapi.IPPROTO_UDP,
    "udplite": uapi.IPPROTO_UDPLITE,
    "sctp": uapi.IPPROTO_SCTP,
    "dccp": uapi.IPPROTO_DCCP,
    "icmp": uapi.IPPROTO_ICMP,
    "icmpv6": uapi.IPPROTO_ICMPV6,
}
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


@dataclass(frozen=True, slots=True)
class _Side:
    """What is compared: ``before`` holds wherever the comparison does. ``read``: a value as ranges."""

    field: Field
    before: Conditions = ()
    read: Callable[[Any], Range] | None = None
    mask: int | None = None


def alternatives(left: Any, op: str, right: Any, sets: Sets) -> tuple[Conditions, ...]:
    """``left op right`` as alternatives, of which at most one holds unless one is not understood."""
    if isinstance(left, dict) and isinstance(left.get("concat"), list):
        elements = _elements(right, sets)
        if op not in {"==", "in"} or elements is None:
            return ((unknown(left),),)
        return tuple(element(left, each, sets) for each in elements)
    if left == _STATUS and op == "in" and (words := _translated(right)):
        return ((Condition("state", words=words),),)
    side = _side(left)
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
    value = _bare(value)
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


def _side(left: Any) -> _Side | None:
    """What an expression compares; None where it is not understood."""
    name, inner = next(iter(left.items()), ("", None)) if isinstance(left, dict) else ("", None)
    if name == "&":
        return _masked_side(inner)
    if not isinstance(inner, dict) or name not in _SIDES:
        return None
    return _SIDES[name](inner)


def _masked_side(parts: Any) -> _Side | None:
    side = _side(parts[0]) if isinstance(parts, list) and len(parts) == 2 else None
    if side is None or side.field not in {"flags", "ct-mark"}:
        return None
    try:
        return replace(side, mask=_bits(parts[1], side.field))
    except (ValueError, TypeError, KeyError):
        return None


def _tracked(inner: Mapping[str, Any]) -> _Side | None:
    fields: Mapping[object, Field] = {"state": "state", "mark": "ct-mark"}
    field = None if inner.get("dir") else fields.get(inner.get("key"))
    return None if field is None else _Side(field, read=_nothing)


def _routed(inner: Mapping[str, Any]) -> _Side | None:
    if inner.get("result") != "type" or inner.get("flags") not in (["daddr"], ["saddr"]):
        return None
    return _Side("local", read=_nothing, mask=inner["flags"] == ["saddr"])


def _payload(inner: Mapping[str, Any]) -> _Side | None:
    protocol, field = inner.get("protocol"), inner.get("field")
    if protocol in {"ip", "ip6"}:
        return _network(str(protocol), field)
    number = _TRANSPORTS.get(str(protocol))
    if number is None and protocol != "th":
        return None
    before = () if number is None else (Condition("protocol", ((number, number),)),)
    if field in {"sport", "dport"}:
        return _Side("sport" if field == "sport" else "dport", before, _plain(numbers.port))
    if protocol == "tcp" and field == "flags":
        return _Side("flags", before, _nothing)
    return _Side("packet", before)


def _network(protocol: str, field: object) -> _Side:
    family = Condition("family", words=frozenset({protocol}))
    if field in {"saddr", "daddr"}:
        return _Side("saddr" if field == "saddr" else "daddr", (family,), _address)
    if field == "protocol":
        return _Side("protocol", (family,), _plain(numbers.protocol))
    return _Side("packet", (family,))


def _compared(side: _Side, op: str, right: Any, sets: Sets) -> Condition:
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


def _masked(side: _Side, op: str, right: Any, sets: Sets) -> Condition:
    if op == "in":  # any of these bits
        bits = _bits(right, side.field)
        return Condition(side.field, ((bits, 0),), negated=True)
    values = _elements(right, sets) if isinstance(right, (Mapping, str)) else [right]
    if values is None or op not in {"==", "!="}:
        raise ValueError("elements that are not known")
    whole = 0xFF if side.field == "flags" else _WHOLE
    mask = whole if side.mask is None else side.mask
    ranges = tuple((mask, _bits(each, side.field)) for each in values)
    return Condition(side.field, ranges, negated=op == "!=")


def _bits(value: Any, field: str) -> int:
    if isinstance(value, dict):
        return _bits(list(value["|"]), field)
    if isinstance(value, list):
        found = [_bits(each, field) for each in value if not isinstance(each, list)]
        return functools.reduce(operator.or_, found, 0)
    if field == "flags":
        return numbers.flag(value)
    return value if isinstance(value, int) else numbers.hexadecimal(str(value))


def _words(side: _Side, right: Any, sets: Sets) -> list[str]:
    values = right if isinstance(right, list) else _elements(right, sets)
    if values is None:
        raise ValueError("elements that are not known")
    words = [_bare(each) for each in values]
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


def _bare(value: Any) -> Any:
    """An element without its timeout, counter or comment."""
    inner = value.get("elem") if isinstance(value, dict) else None
    return inner["val"] if isinstance(inner, dict) and "val" in inner else value


def _range(side: _Side, value: Any) -> Range:
    value = _bare(value)
    if side.read is None:
        raise ValueError("not to be compared")
    if isinstance(value, dict) and isinstance(value.get("range"), list):
        low, high = (side.read(each) for each in value["range"])
        return low[0], high[1]
    return side.read(value)


def _address(value: Any) -> Range:
    if isinstance(value, dict):
        inner = value["prefix"]
        return numbers.prefix(numbers.address(str(inner["addr"])), int(inner["len"]))
    if not isinstance(value, str):
        raise TypeError("no address")
    return numbers.network(value)


def _plain(read: Callable[[Any], int]) -> Callable[[Any], Range]:
    def one(value: Any) -> Range:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise TypeError("no number")
        number = read(value)
        return number, number

    return one


def _nothing(value: Any) -> Range:
    raise ValueError(f"{type(value)} is read another way")


_META: Final[Mapping[str, _Side]] = {
    "l4proto": _Side("protocol", (), _plain(numbers.protocol)),
    "nfproto": _Side("family", (), _nothing),
    "protocol": _Side("family", (), _nothing),
    "iifname": _Side("in", (), _nothing),
    "oifname": _Side("out", (), _nothing),
    "iif": _Side("in", (), _nothing),
    "oif": _Side("out", (), _nothing),
}
_SIDES: Final[Mapping[str, Callable[[Mapping[str, Any]], _Side | None]]] = {
    "payload": _payload,
    "meta": lambda inner: _META.get(str(inner.get("key"))),
    "ct": _tracked,
    "fib": _routed,
}

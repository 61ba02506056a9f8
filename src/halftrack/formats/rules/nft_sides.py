"""What an expression of nft compares, and how the values beside it are read."""

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
_TRANSPORTS: Final = {
    "tcp": uapi.IPPROTO_TCP,
    "udp": uapi.IPPROTO_UDP,
    "udplite": uapi.IPPROTO_UDPLITE,
    "sctp": uapi.IPPROTO_SCTP,
    "dccp": uapi.IPPROTO_DCCP,
    "icmp": uapi.IPPROTO_ICMP,
    "icmpv6": uapi.IPPROTO_ICMPV6,
}


@dataclass(frozen=True, slots=True)
class Side:
    """What is compared: ``before`` holds wherever the comparison does. ``read``: a value as ranges."""

    field: Field
    before: Conditions = ()
    read: Callable[[Any], Range] | None = None
    mask: int | None = None


def side_of(left: Any) -> Side | None:
    """What an expression compares; None where it is not understood."""
    name, inner = next(iter(left.items()), ("", None)) if isinstance(left, dict) else ("", None)
    if name == "&":
        return _masked_side(inner)
    if not isinstance(inner, dict) or name not in _SIDES:
        return None
    return _SIDES[name](inner)


def _masked_side(parts: Any) -> Side | None:
    side = side_of(parts[0]) if isinstance(parts, list) and len(parts) == 2 else None
    if side is None or side.field not in {"flags", "ct-mark"}:
        return None
    try:
        return replace(side, mask=bits(parts[1], side.field))
    except (ValueError, TypeError, KeyError):
        return None


def _tracked(inner: Mapping[str, Any]) -> Side | None:
    fields: Mapping[object, Field] = {"state": "state", "mark": "ct-mark"}
    field = None if inner.get("dir") else fields.get(inner.get("key"))
    return None if field is None else Side(field, read=_nothing)


def _routed(inner: Mapping[str, Any]) -> Side | None:
    if inner.get("result") != "type" or inner.get("flags") not in (["daddr"], ["saddr"]):
        return None
    return Side("local", read=_nothing, mask=inner["flags"] == ["saddr"])


def _payload(inner: Mapping[str, Any]) -> Side | None:
    protocol, field = inner.get("protocol"), inner.get("field")
    if protocol in {"ip", "ip6"}:
        return _network(str(protocol), field)
    number = _TRANSPORTS.get(str(protocol))
    if number is None and protocol != "th":
        return None
    before = () if number is None else (Condition("protocol", ((number, number),)),)
    if field in {"sport", "dport"}:
        return Side("sport" if field == "sport" else "dport", before, _plain(numbers.port))
    if protocol == "tcp" and field == "flags":
        return Side("flags", before, _nothing)
    return Side("packet", before)


def _network(protocol: str, field: object) -> Side:
    family = Condition("family", words=frozenset({protocol}))
    if field in {"saddr", "daddr"}:
        return Side("saddr" if field == "saddr" else "daddr", (family,), _address)
    if field == "protocol":
        return Side("protocol", (family,), _plain(numbers.protocol))
    return Side("packet", (family,))


def bits(value: Any, field: str) -> int:
    if isinstance(value, dict):
        return bits(list(value["|"]), field)
    if isinstance(value, list):
        found = [bits(each, field) for each in value if not isinstance(each, list)]
        return functools.reduce(operator.or_, found, 0)
    if field == "flags":
        return numbers.flag(value)
    return value if isinstance(value, int) else numbers.hexadecimal(str(value))


def bare(value: Any) -> Any:
    """An element without its timeout, counter or comment."""
    inner = value.get("elem") if isinstance(value, dict) else None
    return inner["val"] if isinstance(inner, dict) and "val" in inner else value


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


_META: Final[Mapping[str, Side]] = {
    "l4proto": Side("protocol", (), _plain(numbers.protocol)),
    "nfproto": Side("family", (), _nothing),
    "protocol": Side("family", (), _nothing),
    "iifname": Side("in", (), _nothing),
    "oifname": Side("out", (), _nothing),
    "iif": Side("in", (), _nothing),
    "oif": Side("out", (), _nothing),
}
_SIDES: Final[Mapping[str, Callable[[Mapping[str, Any]], Side | None]]] = {
    "payload": _payload,
    "meta": lambda inner: _META.get(str(inner.get("key"))),
    "ct": _tracked,
    "fib": _routed,
}

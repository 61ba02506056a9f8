"""Values of the filter language, from text. Every error shows how the field is written."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Callable
from typing import Final

from halftrack.diagnosis import words
from halftrack.diagnosis.filters.terms import Address, Mark, Number, Span, Text, Value
from halftrack.diagnosis.filters.vocabulary import FIELDS, SYMPTOMS, Field
from halftrack.errors import UsageError
from halftrack.evidence import uapi

STATES: Final = frozenset(name for names in uapi.STATE_NAMES.values() for name in names) | {"LISTEN"}
_PROTOCOLS: Final = {name: number for number, name in uapi.PROTOCOL_NAMES.items()} | {
    "icmp6": uapi.IPPROTO_ICMPV6,
    "ipv6-icmp": uapi.IPPROTO_ICMPV6,
}
_NUMBER: Final = re.compile(r"[0-9]{1,19}", re.ASCII)
_SERVICE: Final = re.compile(r"([a-z0-9-]+)(?:/([0-9]{1,5}))?", re.ASCII)
_MARK: Final = re.compile(
    r"(0x[0-9a-f]{1,8}|[0-9]{1,10})(?:/(0x[0-9a-f]{1,8}|[0-9]{1,10}))?", re.ASCII | re.IGNORECASE
)
_QUOTED_COMMAS: Final = re.compile(r'(?:[^,"]|"[^"]*"?)+|(?<=,)(?=,|$)|^(?=,|$)')


def values(name: str, text: str) -> tuple[Value, ...]:
    """The values of ``name=text``, which commas separate."""
    return tuple(value(name, part.replace('"', "")) for part in _QUOTED_COMMAS.findall(text))


def value(name: str, text: str) -> Value:
    """One value of a field. Raises UsageError."""
    field = FIELDS[name]
    if not text:
        raise UsageError(f"{name}= has an empty value: write {name}={field.example}")
    scanners: dict[str, Callable[[str, str], Value]] = {
        "state": _state,
        "protocol": _protocol,
        "address": _address,
        "service": _service,
        "mark": _mark,
        "duration": _span,
        "number": _span,
        "port": _span,
        "symptom": _symptom,
        "text": _text,
    }
    return scanners[field.kind](name, text)


def compared(name: str, operator: str, text: str) -> Span:
    """The span of ``idle>2h``. Raises UsageError."""
    field = FIELDS[name]
    if field.kind not in ("duration", "number", "port"):
        raise UsageError(f"{name} cannot be compared with {operator}: write {name}={field.example}")
    number = _one(name, text, field)
    duration = field.kind == "duration"
    match operator:
        case ">":
            return Span(number + 1, None, duration)
        case ">=":
            return Span(number, None, duration)
        case "<":
            if number == 0:
                raise UsageError(f"{name}<0 matches nothing: write {name}={field.example}")
            return Span(None, number - 1, duration)
        case _:
            return Span(None, number, duration)


def _wrong(name: str, text: str, what: str) -> UsageError:
    return UsageError(f"{name}={text!a}: {what}; write {name}={FIELDS[name].example}")


def _state(name: str, text: str) -> Text:
    state = text.upper()
    if state not in STATES:
        raise _wrong(name, text, "no such state")
    return Text(state)


def _protocol(name: str, text: str) -> Number:
    number = _PROTOCOLS.get(text.lower())
    if number is None:
        if not _NUMBER.fullmatch(text) or int(text) > 255:
            raise _wrong(name, text, "no protocol known by that name; numbers go to 255")
        number = int(text)
    return Number(number, uapi.PROTOCOL_NAMES.get(number, str(number)))


def _symptom(name: str, text: str) -> Text:
    if text not in SYMPTOMS:
        near = difflib.get_close_matches(text, SYMPTOMS, n=1)
        raise _wrong(name, text, f"did you mean {near[0]}?" if near else f"one of {', '.join(SYMPTOMS)}")
    return Text(text)


def _text(_: str, text: str) -> Text:
    return Text(text)


def _address(_: str, text: str) -> Address:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        # Masked addresses come in any spelling; whether the table has it is seen there.
        return Address(text, None)
    mapped = network.network_address.ipv4_mapped if isinstance(network, ipaddress.IPv6Network) else None
    if mapped is not None and network.prefixlen >= 96:
        network = ipaddress.IPv4Network((mapped, network.prefixlen - 96))
    return Address(str(network), network)


def _service(name: str, text: str) -> Text:
    found = _SERVICE.fullmatch(text.lower())
    if not found or (found[2] and int(found[2]) > 65535) or found[1].isdigit():
        raise _wrong(name, text, "not a service")
    return Text(found[0])


def _mark(name: str, text: str) -> Mark:
    found = _MARK.fullmatch(text)
    if not found:
        raise _wrong(name, text, "not a mark")
    number = _integer(found[1])
    mask = _integer(found[2]) if found[2] else 0xFFFFFFFF
    if max(number, mask) > 0xFFFFFFFF:
        raise _wrong(name, text, "marks have 32 bits")
    if number & ~mask:
        raise _wrong(name, text, "the value has bits outside its mask and matches nothing")
    return Mark(number, mask)


def _integer(text: str) -> int:
    return int(text, 16) if text.lower().startswith("0x") else int(text)


def _span(name: str, text: str) -> Span:
    field = FIELDS[name]
    low, dots, high = text.partition("..")
    duration = field.kind == "duration"
    if not dots:
        number = _one(name, text, field)
        return Span(number, number, duration)
    if not low and not high:
        raise _wrong(name, text, "a range needs an end")
    span = Span(_one(name, low, field) if low else None, _one(name, high, field) if high else None, duration)
    if span.low is not None and span.high is not None and span.low > span.high:
        raise _wrong(name, text, "the range is upside down")
    return span


def _one(name: str, text: str, field: Field) -> int:
    if field.kind == "duration":
        seconds = words.seconds(text)
        if seconds is None:
            raise _wrong(name, text, "not a duration (90s, 5m, 2h, 1d)")
        return seconds
    if not _NUMBER.fullmatch(text):
        raise _wrong(name, text, "not a number")
    if int(text) > field.most:
        raise _wrong(name, text, f"at most {field.most}")
    return int(text)

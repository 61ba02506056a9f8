"""What somebody wants planned: remedies with their arguments, findings by id or by number."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from types import MappingProxyType
from typing import Final, Literal

from halftrack.diagnosis.filters.vocabulary import SYMPTOMS
from halftrack.diagnosis.words import seconds as duration
from halftrack.errors import UsageError
from halftrack.evidence.literals import literal
from halftrack.plans.rules import STATES

_Kind = Literal["seconds", "number", "service", "address"]

REMEDIES: Final[Mapping[str, Mapping[str, _Kind]]] = MappingProxyType(
    {
        "raise-limit": {"limit": "number", "buckets": "number"},
        "syncookies": {},
        "cap-unacknowledged": {"unacknowledged": "seconds", "max_retrans": "seconds"},
        "shorten-established": {"established": "seconds"},
        "advice": {},
        "timeout-policy": {"service": "service", "address": "address", **dict.fromkeys(STATES, "seconds")},
        "strict-pickup": {},
        "notrack": {"service": "service", "address": "address"},
        "drain": {},
    }
)
"""Slug to the arguments that it takes."""
_CONDITIONS: Final = ("table-pressure", "hash-too-small", "forgotten", "settings")
_EXAMPLES: Final = {"seconds": "7440", "number": "524288", "service": "tcp/8883", "address": "203.0.113.73"}
_LONGEST: Final = (1 << 31) - 1
_SERVICE: Final = re.compile(r"(tcp|udp|sctp)/([0-9]{1,5})", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,10}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One word: either a remedy with its arguments, or a finding by id, or one by its number from 1."""

    word: str
    remedy: str | None = None
    arguments: Mapping[str, str | int] = field(default_factory=dict)
    finding: str | None = None
    number: int | None = None


def parse(words: Sequence[str]) -> tuple[Wanted, ...]:
    """What the words of a command line want. Raises UsageError, which shows how to write it."""
    return tuple(_wanted(word) for word in words)


def _wanted(word: str) -> Wanted:
    slug, colon, told = word.partition(":")
    if slug in REMEDIES:
        return Wanted(word, remedy=slug, arguments=_arguments(slug, told) if colon else {})
    if _NUMBER.fullmatch(word):
        return Wanted(word, number=int(word))
    symptom, _, _ = word.partition("/")
    if symptom.partition("@")[0] in (*SYMPTOMS, *_CONDITIONS):
        return Wanted(word, finding=word)
    shown = ascii(word)
    _refuse_list(word)
    near = difflib.get_close_matches(slug, [*REMEDIES, *SYMPTOMS, *_CONDITIONS], n=1)
    if near:
        raise UsageError(f"{shown} is no remedy and no finding: did you mean {near[0]}?")
    raise UsageError(
        f"{shown} is no remedy and no finding. Remedies: {', '.join(REMEDIES)};"
        " a finding: its number or its id, as in one-sided/web-1/tcp/80"
    )


def _refuse_list(word: str) -> None:
    """Raise UsageError for what would be understood if it were several words, and show them."""
    parts = [part.strip() for part in word.split(",")]
    if len(parts) > 1 and all(part in REMEDIES or _NUMBER.fullmatch(part) for part in parts):
        raise UsageError(f"{word!a} is one word: write {' '.join(parts)}")


def _arguments(slug: str, told: str) -> dict[str, str | int]:
    known = REMEDIES[slug]
    found: dict[str, str | int] = {}
    if not known:
        raise UsageError(f"{slug} takes no arguments: write {slug}")
    for part in told.split(","):
        name, equals, value = part.partition("=")
        name = name.strip().lower().replace("-", "_")
        if not equals or not value or name not in known:
            raise UsageError(f"{part!a} is no argument of {slug}: write {example(slug)}")
        if name in found:
            raise UsageError(f"{slug} is given {name} twice")
        found[name] = _value(slug, name, known[name], value.strip())
    return found


def _value(slug: str, name: str, kind: _Kind, text: str) -> str | int:
    wrong = UsageError(f"{name}={ascii(text)[1:-1]}: write {slug}:{name}={_EXAMPLES[kind]}")
    match kind:
        case "seconds":
            seconds = duration(text) or 0
            if not 0 < seconds <= _LONGEST:
                raise wrong
            return seconds
        case "number":
            if not _COUNT.fullmatch(text) or not 0 < int(text) <= _LONGEST:
                raise wrong
            return int(text)
        case "service":
            named = _SERVICE.fullmatch(text.lower())
            if named is None or not 0 < int(named[2]) < 1 << 16:
                raise wrong
            if slug == "timeout-policy" and named[1] != "tcp":
                raise UsageError(f"{slug} knows the states of TCP alone: write {example(slug)}")
            return f"{named[1]}/{int(named[2])}"
        case "address":
            if not text or set(text) & set(" \t\n'\"\\$;{}/%"):
                raise wrong
            return _address(text)


def _address(text: str) -> str:
    """As rules see it; what is no address may be one that is masked in a source."""
    try:
        found = literal(text)
    except ValueError:
        return text
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return str(mapped or found)


def example(slug: str) -> str:
    """How a remedy is asked for with arguments."""
    shown = {
        "timeout-policy": "timeout-policy:service=tcp/8883,established=7440",
        "notrack": "notrack:service=tcp/80,address=203.0.113.73",
    }
    if slug in shown:
        return shown[slug]
    return f"{slug}:" + ",".join(f"{name}={_EXAMPLES[kind]}" for name, kind in REMEDIES[slug].items())

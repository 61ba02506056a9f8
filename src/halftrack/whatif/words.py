"""What somebody asks about: ``SETTING=VALUE``, a range of values to try, a service without tracking."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from halftrack.diagnosis import words
from halftrack.errors import UsageError
from halftrack.evidence.sysctls import LIMIT, LOOSE, MAX_RETRANS, short
from halftrack.planning import wanted
from halftrack.tcp import timeouts

VALUES: Final = 20
"""So many values of a range are tried where no step is given."""
MOST_VALUES: Final = 200
_NAMES: Final = (*timeouts.KEEPING, LOOSE, MAX_RETRANS, LIMIT)
_RULES: Final = ("notrack", "timeout-policy")
_LONGEST_S: Final = (1 << 31) // 100
"""The kernel holds a timeout as an int of jiffies, at most 100 to 1,000 of them a second."""
_MOST: Final = (1 << 31) - 1
_RANGE: Final = re.compile(r"([^.:]+)\.\.([^.:]+)(?::([^.:]+))?", re.ASCII)
_COUNT: Final = re.compile(r"[0-9]{1,10}", re.ASCII)
EXAMPLE: Final = "tcp_timeout_established=7440"


@dataclass(frozen=True, slots=True)
class Sweep:
    """``values`` of one setting, ascending, two at least."""

    setting: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for one service (``tcp/80``), at one address or at any.

    ``established``: seconds that its new connections are kept; None: it is tracked no more.
    """

    service: str
    address: str | None = None
    established: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """``settings``: sysctls by name without prefix. ``shown``: every word as it was understood."""

    settings: Mapping[str, int] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()
    sweep: Sweep | None = None
    shown: Mapping[str, int | str] = field(default_factory=dict)


def parse(given: Sequence[str]) -> Asked:
    """What the words of a command line ask. Raises UsageError, which shows how to write it."""
    if not given:
        raise UsageError(f"what is to be different? e.g. {EXAMPLE}, tcp_loose=0 or notrack:tcp/80")
    settings: dict[str, int] = {}
    rules: list[Rule] = []
    sweep: Sweep | None = None
    shown: dict[str, int | str] = {}
    for word in given:
        if word.partition(":")[0] in _RULES:
            rule, told = _rule(word)
            rules.append(rule)
            shown[told] = "all" if rule.established is None else rule.established
            continue
        name, text = _named(word)
        if full(name) in shown:
            raise UsageError(f"{full(name)} is given twice")
        if ".." in text:
            if sweep is not None:
                raise UsageError(f"one range at a time: {sweep.setting} has one already")
            sweep = Sweep(name, _values(name, text))
            shown[full(name)] = f"{sweep.values[0]}..{sweep.values[-1]}"
        else:
            settings[name] = shown[full(name)] = _value(name, text)
    return Asked(settings, tuple(rules), sweep, shown)


def _named(word: str) -> tuple[str, str]:
    """The setting of ``SETTING=VALUE`` without its prefix, and the value's text."""
    told, equals, text = word.partition("=")
    name = short(told)
    if name in _NAMES and equals and text:
        return name, text.strip()
    if name in _NAMES:
        raise UsageError(f"{word!a}: write {name}={_example(name)}")
    near = difflib.get_close_matches(name, [*_NAMES, *_RULES], n=1) or [
        each for each in _NAMES if name and each.endswith(name)
    ]
    if near:
        meant = f"{full(near[0])}={text}" if text and near[0] not in _RULES else _spelled(near[0])
        raise UsageError(f"{word!a} is nothing that is asked here: did you mean {meant}?")
    raise UsageError(
        f"{word!a} is nothing that is asked here: write SETTING=VALUE, e.g. {EXAMPLE};"
        f" settings: {', '.join(map(full, _NAMES))}; rules: notrack:tcp/80"
    )


def full(name: str) -> str:
    """A setting's name as it is shown: the limit keeps what tells it from others."""
    return "nf_conntrack_max" if name == LIMIT else name


def _spelled(name: str) -> str:
    return f"{name}:tcp/80" if name in _RULES else f"{full(name)}={_example(name)}"


def _example(name: str) -> str:
    return {LOOSE: "0", MAX_RETRANS: "3", LIMIT: "524288"}.get(name, str(timeouts.DEFAULTS.get(name, 120)))


def _value(name: str, text: str) -> int:
    if name in (LOOSE, MAX_RETRANS, LIMIT):
        most = {LOOSE: 1, MAX_RETRANS: 255, LIMIT: _MOST}[name]
        if not _COUNT.fullmatch(text) or int(text) > most:
            raise UsageError(
                f"{full(name)}={ascii(text)[1:-1]}: a number of 0 to {most}, e.g. {_spelled(name)}"
            )
        return int(text)
    seconds = words.seconds(text) or 0
    if not 0 < seconds <= _LONGEST_S:
        raise UsageError(
            f"{name}={ascii(text)[1:-1]}: seconds, or a duration as in 2h, of 1 s to"
            f" {words.duration(_LONGEST_S)}, e.g. {_spelled(name)}"
        )
    return seconds


def _values(name: str, text: str) -> tuple[int, ...]:
    """Of ``600..86400`` twenty values in even ratios, of ``600..86400:600`` every six hundredth."""
    if name == LOOSE:
        raise UsageError(f"{LOOSE} is 0 or 1: write {LOOSE}=0")
    match = _RANGE.fullmatch(text)
    if match is None:
        raise UsageError(f"{text!a} is no range: write {full(name)}=600..86400, or 600..86400:600 for steps")
    first, last = _value(name, match[1]), _value(name, match[2])
    if first >= last:
        raise UsageError(f"{text!a} goes nowhere: write {full(name)}={last}..{first}")
    if match[3] is not None:
        step = _value(name, match[3])
        if not 0 < step <= last - first or (last - first) // step >= MOST_VALUES:
            raise UsageError(f"{text!a}: a step between that gives 2 to {MOST_VALUES} values")
        return tuple(dict.fromkeys([*range(first, last, step), last]))
    ratio = (last / max(first, 1)) ** (1 / (VALUES - 1))
    even = [round(max(first, 1) * ratio**number) for number in range(1, VALUES - 1)]
    return tuple(dict.fromkeys([first, *(each for each in even if first < each < last), last]))


def _rule(word: str) -> tuple[Rule, str]:
    """The rule, in the words that ``plan`` knows; ``notrack:tcp/80`` is short for its service."""
    slug, _, told = word.partition(":")
    if told and "=" not in told:
        word = f"{slug}:service={told}"
    [found] = wanted.parse([word])
    arguments = found.arguments
    if "service" not in arguments:
        raise UsageError(f"{word!a}: which service? write {slug}:tcp/80")
    service = str(arguments["service"])
    address = arguments.get("address")
    rule = Rule(service, None if address is None else str(address))
    at = "" if address is None else f",address={address}"
    if slug == "notrack":
        return rule, f"notrack:service={service}{at}"
    if "established" not in arguments:
        raise UsageError(f"{word!a}: how long? write timeout-policy:service={service},established=7440")
    kept = Rule(rule.service, rule.address, int(arguments["established"]))
    return kept, f"timeout-policy:service={service}{at},established"

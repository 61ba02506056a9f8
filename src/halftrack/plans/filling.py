"""Masked addresses of a plan filled in: what was ``$ADDR_1`` is the real address, everywhere in it."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.evidence.literals import literal
from halftrack.plans.actions import AddRules, Drain, Untracked
from halftrack.plans.document import identified
from halftrack.plans.respelling import respelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from halftrack.plans.actions import Action
    from halftrack.plans.document import Plan, Step

_VARIABLE: Final = re.compile(r"\$([A-Z][A-Z0-9_]*)")
_FAMILIES: Final = {4: "ipv4", 6: "ipv6"}


def filled(plan: Plan, values: Mapping[str, str]) -> Plan:
    """The plan with these variables filled in; it has another id. ``values``: name to address.

    Raises ValueError where a name is none of the plan's, or an address is none or of the other family.
    """
    known: dict[str, str] = {}
    for name, text in values.items():
        if name not in plan.variables:
            there = ", ".join(plan.variables) or "none"
            raise ValueError(f"{name} is no address of this plan: there is {there}")
        known[name] = str(_address(name, text))
    left = {name: shown for name, shown in plan.variables.items() if name not in known}
    steps = tuple(_step(step, known) for step in plan.steps)
    return identified(msgspec.structs.replace(plan, steps=steps, variables=left))


def _address(name: str, text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return literal(text)
    except ValueError:
        raise ValueError(f"{name}={ascii(text)[1:-1]} is no address: write {name}=203.0.113.73") from None


def _step(step: Step, known: Mapping[str, str]) -> Step:
    told = {
        name: _text(getattr(step, name), known)
        for name in ("title", "target", "before", "after", "undo", "verify")
    }
    return msgspec.structs.replace(step, actions=tuple(_action(each, known) for each in step.actions), **told)


def _action(action: Action, known: Mapping[str, str]) -> Action:
    for variable, family in _families(action):
        _same_family(variable, known, family)
    return respelled(action, lambda text: _text(text, known), lambda word: _text(word, known))


def _families(action: Action) -> Iterator[tuple[str, str]]:
    """Addresses of an action whose family it tells."""
    match action:
        case Drain(selections=selections):
            yield from ((each.address, each.family) for each in selections)
        case AddRules(rule=Untracked(address=address, family=family)):
            yield address, "ipv6" if family == "ip6" else "ipv4"
        case _:
            pass


def _same_family(variable: str, known: Mapping[str, str], family: str) -> None:
    name = variable.removeprefix("$")
    if name in known and _FAMILIES[ipaddress.ip_address(known[name]).version] != family:
        raise ValueError(
            f"{name} stands for an {family.replace('ipv', 'IPv')} address, not for {known[name]}"
        )


def _text(text: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: known.get(found[1], found[0]), text)

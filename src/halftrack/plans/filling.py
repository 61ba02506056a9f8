"""Masked addresses of a plan filled in: what was ``$ADDR_1`` is the real address, everywhere in it."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Final

import msgspec

from halftrack.evidence.literals import literal
from halftrack.plans.actions import AddRules, Drain, Untracked
from halftrack.plans.document import identified

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    if isinstance(action, Drain):
        for each in action.selections:
            _same_family(each.address, known, each.family)
        return msgspec.structs.replace(
            action,
            filter=tuple(_text(word, known) for word in action.filter),
            selections=tuple(
                msgspec.structs.replace(each, address=_text(each.address, known))
                for each in action.selections
            ),
        )
    if isinstance(action, AddRules) and action.rule.address is not None:
        if isinstance(action.rule, Untracked):
            _same_family(action.rule.address, known, "ipv6" if action.rule.family == "ip6" else "ipv4")
        rule = msgspec.structs.replace(action.rule, address=_text(action.rule.address, known))
        return msgspec.structs.replace(action, rule=rule)
    return action


def _same_family(variable: str, known: Mapping[str, str], family: str) -> None:
    name = variable.removeprefix("$")
    if name in known and _FAMILIES[ipaddress.ip_address(known[name]).version] != family:
        raise ValueError(
            f"{name} stands for an {family.replace('ipv', 'IPv')} address, not for {known[name]}"
        )


def _text(text: str, known: Mapping[str, str]) -> str:
    return _VARIABLE.sub(lambda found: known.get(found[1], found[0]), text)

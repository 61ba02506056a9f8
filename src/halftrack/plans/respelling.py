"""Addresses in an action, spelled otherwise: masked ones as variables, variables as what they stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from halftrack.plans.actions import AddRules, Drain

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.plans.actions import Action


def respelled(action: Action, address: Callable[[str], str], term: Callable[[str], str]) -> Action:
    """The same with every address as ``address`` spells it, and every word of a filter as ``term`` does."""
    if isinstance(action, Drain):
        selections = (
            msgspec.structs.replace(each, address=address(each.address)) for each in action.selections
        )
        return msgspec.structs.replace(
            action, filter=tuple(map(term, action.filter)), selections=tuple(selections)
        )
    if isinstance(action, AddRules) and action.rule.address is not None:
        rule = msgspec.structs.replace(action.rule, address=address(action.rule.address))
        return msgspec.structs.replace(action, rule=rule)
    return action

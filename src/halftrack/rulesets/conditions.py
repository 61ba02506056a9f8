"""Whether a rule's conditions hold for a packet."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

from halftrack.rulesets.packets import SURE_FLAGS

if TYPE_CHECKING:
    from halftrack.evidence.rulesets import Condition, Rule
    from halftrack.rulesets.packets import Packet

_LOOPBACK: Final = "lo"


class Holds(IntEnum):
    """``SAME``: nobody can tell, but it is so for a packet with an entry as for one without.

    ``OPEN``: not even that.
    """

    NO = 0
    YES = 1
    SAME = 2
    OPEN = 3


def rule(one: Rule, packet: Packet, state: str, *, marks: bool) -> Holds:
    """All conditions together. ``state``: as ``ct state`` says it. ``marks``: rules here mark entries."""
    worst = Holds.YES
    for condition in one.conditions:
        found = _holds(condition, packet, state, marks=marks)
        if found is Holds.NO:
            return found
        worst = max(worst, found)
    return worst


def _holds(condition: Condition, packet: Packet, state: str, *, marks: bool) -> Holds:
    if condition.field == "entry" or (condition.field == "ct-mark" and (marks or not packet.unmarked)):
        return Holds.OPEN
    # A connection that is translated is looked at before any rule: what is judged here is none.
    known = state in condition.words if condition.field == "state" else _known(condition, packet)
    if known is None:
        return Holds.SAME
    return Holds.YES if known is not condition.negated else Holds.NO


def _known(condition: Condition, packet: Packet) -> bool | None:
    """Of the packet itself, ``negated`` aside."""
    match condition.field:
        case "protocol":
            return _within(condition, packet.protocol)
        case "saddr" | "daddr" | "sport" | "dport":
            value = getattr(packet, condition.field)
            return None if value is None else _within(condition, value)
        case "family":
            return packet.family in condition.words
        case _:
            return _seldom(condition, packet)


def _seldom(condition: Condition, packet: Packet) -> bool | None:
    match condition.field:
        case "flags":
            return _flags(condition, packet.flags)
        case "in" | "out":
            return _interface(condition, packet)
        case "local":
            return packet.from_here if "saddr" in condition.words else packet.to_here
        case "ct-mark":
            return any(value == 0 for _, value in condition.ranges)
    return None


def _within(condition: Condition, value: int) -> bool:
    return any(low <= value <= high for low, high in condition.ranges)


def _flags(condition: Condition, flags: int) -> bool | None:
    found = [_masked(mask, value, flags) for mask, value in condition.ranges]
    if True in found:
        return True
    return None if None in found else False


def _masked(mask: int, value: int, flags: int) -> bool | None:
    if (flags ^ value) & mask & SURE_FLAGS:
        return False
    return None if mask & ~SURE_FLAGS else True


def _interface(condition: Condition, packet: Packet) -> bool | None:
    """Only whether it is the loopback device is ever known."""
    loopback = packet.by_loopback
    names_it = any(
        name == _LOOPBACK or (name.endswith("*") and _LOOPBACK.startswith(name[:-1]))
        for name in condition.words
    )
    if loopback is None:
        return None
    if loopback:
        return names_it
    return False if condition.words <= {_LOOPBACK} else None

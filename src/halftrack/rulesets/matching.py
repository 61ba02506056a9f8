"""Which rules of a chain can hold for a packet at all: asked of all rules of a long chain at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from halftrack.evidence.addresses import V4_MAPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.evidence.rulesets import Condition, Rule
    from halftrack.rulesets.packets import Packet

_LONG: Final = 48
_MOST32: Final = (1 << 32) - 1
_MOST64: Final = (1 << 64) - 1
_EMPTY: Final = (1, 0)
_FIELDS: Final = ("protocol", "sport", "dport", "saddr4", "daddr4", "saddr6", "daddr6")
_Bounds = npt.NDArray[np.uint64]


class Index:
    """A chain's rules. Of addresses of IPv6 the upper half is compared here."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = tuple(rules)
        self._low: dict[str, _Bounds] = {}
        self._high: dict[str, _Bounds] = {}
        if len(self._rules) < _LONG:
            return
        for name in _FIELDS:
            self._low[name] = np.zeros(len(self._rules), np.uint64)
            self._high[name] = np.full(len(self._rules), _MOST64, np.uint64)
        for at, rule in enumerate(self._rules):
            for condition in rule.conditions:
                self._narrow(at, condition)

    def _narrow(self, at: int, condition: Condition) -> None:
        if condition.negated or len(condition.ranges) != 1:
            return
        low, high = condition.ranges[0]
        if condition.field in {"protocol", "sport", "dport"}:
            self._set(at, condition.field, low, min(high, _MOST64))
        elif condition.field in {"saddr", "daddr"}:
            mapped = low >> 32 == high >> 32 == V4_MAPPED >> 32
            four = (low & _MOST32, high & _MOST32) if mapped else _EMPTY if low >> 64 else None
            six = (low >> 64, high >> 64) if not mapped else _EMPTY
            if four is not None:
                self._set(at, f"{condition.field}4", *four)
            self._set(at, f"{condition.field}6", *six)

    def _set(self, at: int, name: str, low: int, high: int) -> None:
        self._low[name][at] = max(low, int(self._low[name][at]))
        self._high[name][at] = min(high, int(self._high[name][at]))

    def candidates(self, packet: Packet) -> Sequence[Rule]:
        """Rules that may hold, in their order; the others surely do not."""
        if not self._low:
            return self._rules
        left = np.ones(len(self._rules), np.bool_)
        for name, value in _values(packet):
            left &= (self._low[name] <= value) & (value <= self._high[name])
        return [self._rules[at] for at in np.flatnonzero(left)]


def _values(packet: Packet) -> list[tuple[str, np.uint64]]:
    given: list[tuple[str, int | None]] = [
        ("protocol", packet.protocol),
        ("sport", packet.sport),
        ("dport", packet.dport),
    ]
    for side, value in (("saddr", packet.saddr), ("daddr", packet.daddr)):
        if value is None:
            continue
        four = packet.family == "ip"
        given.append((f"{side}{4 if four else 6}", value & _MOST32 if four else value >> 64))
    return [(name, np.uint64(value)) for name, value in given if value is not None]

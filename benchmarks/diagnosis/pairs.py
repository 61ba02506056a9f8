"""Two troubles at one router: which ones can be had together."""

from __future__ import annotations

import itertools
from typing import Final

from halftrack import lab

_UNKNOWN: Final = "unknown"
_FIRST: Final = frozenset({"table-flush"})
"""They take the router's whole table with them: the other trouble has to come after."""
_ALONE: Final = frozenset({"hooks-off"})
"""After them the router tracks nothing any more."""
_TWICE: Final = frozenset({"founding"})
"""Shown by another scenario as well."""


def _together(one: str, other: str) -> bool:
    causes = {lab.find(name).cause for name in (one, other)}
    return len(causes) == 2 and not causes & ({_UNKNOWN} | _ALONE)


def _in_order(pair: tuple[str, str]) -> tuple[str, str]:
    one, other = pair
    return (other, one) if lab.find(other).cause in _FIRST else (one, other)


PAIRS: Final[tuple[tuple[str, str], ...]] = tuple(
    _in_order(pair)
    for pair in itertools.combinations((one.name for one in lab.SCENARIOS), 2)
    if _together(*pair) and _TWICE.isdisjoint(pair)
)
"""Each pair of causes that differ, by every pair of scenarios that show them."""

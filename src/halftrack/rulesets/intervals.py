"""Addresses and ports as the numbers of the intervals that a ruleset cuts them into."""

from __future__ import annotations

import functools
from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from halftrack.evidence.addresses import V4_MAPPED

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from halftrack.evidence.rulesets import Ruleset

_Numbers = npt.NDArray[np.uint64]
_HALF: Final = (1 << 64) - 1
_NO_PORT: Final = -1


@dataclass(frozen=True, slots=True)
class Bounds:
    """In order, where intervals begin. ``addresses``: of 128 bits."""

    addresses: list[int]
    ports: list[int]


@functools.lru_cache(maxsize=4)
def bounds(rules: Ruleset) -> Bounds:
    """Of all conditions on addresses and ports."""
    addresses: set[int] = set()
    ports: set[int] = set()
    for table in rules.tables:
        for chain in table.chains.values():
            for rule in chain.rules:
                for condition in rule.conditions:
                    if condition.field in {"saddr", "daddr"}:
                        addresses.update(_starts(condition.ranges))
                    elif condition.field in {"sport", "dport"}:
                        ports.update(_starts(condition.ranges))
    return Bounds(sorted(addresses), sorted(ports))


def _starts(ranges: Sequence[tuple[int, int]]) -> set[int]:
    return {start for low, high in ranges for start in (low, high + 1)}


def addresses(hi: _Numbers, lo: _Numbers, starts: list[int]) -> npt.NDArray[np.int64]:
    """For each address, how many intervals begin at it or before it."""
    of_zero = [start for start in starts if start <= _HALF]
    found = np.searchsorted(np.array(of_zero, np.uint64), lo, side="right").astype(np.int64)
    other = hi != 0
    if other.any():
        pairs, place = np.unique(np.stack([hi[other], lo[other]], axis=1), axis=0, return_inverse=True)
        numbers = [bisect_right(starts, int(high) << 64 | int(low)) for high, low in pairs]
        found[other] = np.array(numbers, np.int64)[place.reshape(-1)]
    return found


def ports(values: pl.Series, starts: list[int]) -> npt.NDArray[np.int64]:
    """Likewise; -1 for what has no ports."""
    known = values.is_not_null().to_numpy()
    numbers = values.fill_null(0).to_numpy()
    found = np.searchsorted(np.array(starts, np.int64), numbers, side="right").astype(np.int64)
    return np.where(known, found, _NO_PORT)


def among(hi: _Numbers, lo: _Numbers, local: Sequence[int]) -> npt.NDArray[np.bool_]:
    """Whether each is one of these addresses, or one of the loopback device's."""
    four = np.array([each & _HALF for each in local if each >> 64 == 0] or [1], np.uint64)
    found: npt.NDArray[np.bool_] = (hi == 0) & (np.isin(lo, four) | (lo == 1))
    found |= (hi == 0) & (lo >> np.uint64(24) == (V4_MAPPED >> 24 | 127))
    for each in local:
        if each >> 64:
            found |= (hi == np.uint64(each >> 64)) & (lo == np.uint64(each & _HALF))
    return found

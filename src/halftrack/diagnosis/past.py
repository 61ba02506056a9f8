"""Which timeouts were in force when: those of now, and those that are known to have been replaced.

An entry keeps the time that its last packet gave it (``nf_ct_refresh_acct``), so that the settings of
that moment tell its silence, not those of now.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import TYPE_CHECKING, Final, TypeAlias

from halftrack.tcp import keeping, timeouts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from halftrack.evidence.sysctls import Replaced
    from halftrack.evidence.values import Evidence, Table
    from halftrack.tcp.releases import Features
    from halftrack.tcp.timeouts import Timeouts

Window: TypeAlias = tuple[float, float]
"""From so many seconds ago to so many: the first is the smaller."""

EVER: Final[Window] = (0.0, math.inf)
_AT_ONCE: Final = 16
"""Ways in which settings may have stood together at one time; of more only two are looked at."""


@dataclass(frozen=True, slots=True)
class Period:
    """Timeouts that were in force together. ``given``: ``keeping.seconds`` of them, which
    ``one_sided_s`` is one of. ``windows``: when they may have been.
    """

    known: Timeouts
    one_sided_s: int | None
    given: npt.NDArray[np.int32]
    windows: tuple[Window, ...] = (EVER,)

    @property
    def since_s(self) -> float:
        """They have not been in force for at least so many seconds."""
        return min(least for least, _ in self.windows)


def periods(
    table: Table, evidence: Evidence, features: Features, *, clamps: bool | None
) -> tuple[Period, ...]:
    """The timeouts of now, then those of before that an entry may still be counted down from.

    ``clamps``: see ``keeping.one_sided_timeout``.
    """

    def period(settings: Mapping[str, str], windows: Sequence[Window]) -> Period:
        known = timeouts.resolve({**evidence.input.assumed, **settings}, features)
        one_sided_s = keeping.one_sided_timeout(known, features, clamps=clamps)
        return Period(known, one_sided_s, keeping.seconds(known, one_sided_s), tuple(windows))

    if not table.replaced or evidence.taken_at is None:
        return (period(table.settings, (EVER,)),)
    now = evidence.taken_at.timestamp()
    windows: dict[frozenset[tuple[str, str]], list[Window]] = defaultdict(list)
    for window, stood in _stood(table.replaced, table.settings, now):
        windows[frozenset(stood.items())].append(window)
    found = [period({**table.settings, **dict(stood)}, each) for stood, each in windows.items()]
    return _distinct(period(table.settings, ()), found)


def _distinct(today: Period, found: Iterable[Period]) -> tuple[Period, ...]:
    """``today``, with its windows, first; without those of which no entry can have anything left."""
    windows: dict[bytes, list[Window]] = {today.given.tobytes(): []}
    by_given = {today.given.tobytes(): today}
    for each in found:
        key = each.given.tobytes()
        by_given.setdefault(key, each)
        windows.setdefault(key, []).extend(each.windows)
    every = [replace(each, windows=tuple(windows[key])) for key, each in by_given.items()]
    return (every[0], *(each for each in every[1:] if each.since_s < _longest(each, today)))


def _longest(period: Period, today: Period) -> int:
    """Seconds that the longest-lived entry was given of those that are given another time today."""
    return int(period.given[period.given != today.given].max(initial=0))


def _stood(
    replaced: Sequence[Replaced], settings: Mapping[str, str], now: float
) -> Iterator[tuple[Window, Mapping[str, str]]]:
    """When settings that were replaced may have stood together, and how."""
    events = [(now - each.until.timestamp(), each) for each in replaced]
    edges = sorted({*EVER, *(ago_s for ago_s, _ in events if ago_s > 0)})
    for window in pairwise(edges):
        possible = {
            name: values
            for name in {each.setting for each in replaced}
            if (
                values := _values(
                    [one for one in events if one[1].setting == name], settings.get(name), window
                )
            )
        }
        ways: Iterable[tuple[str, ...]] = product(*possible.values())
        if math.prod(map(len, possible.values())) > _AT_ONCE:
            ways = zip(*((each[0], each[-1]) for each in possible.values()), strict=True)
        for each in ways:
            yield window, dict(zip(possible, each, strict=True))


def _values(events: Sequence[tuple[float, Replaced]], today: str | None, window: Window) -> tuple[str, ...]:
    """What a setting may have been: as whoever came next found it, or as whoever came before left it."""
    least_s, most_s = window
    after = [one for one in events if one[0] <= least_s]
    before = [one for one in events if one[0] >= most_s]
    found = max(after, key=lambda one: one[0])[1].value if after else today
    left = min(before, key=lambda one: one[0])[1].then if before else None
    return tuple(dict.fromkeys(each for each in (found, left) if each is not None))

"""What one run is: which scenarios at once, in which variation. Seed and number give the same one again."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.diagnosis import distracting, healthy, pairs
from halftrack import lab

if TYPE_CHECKING:
    from collections.abc import Iterator

_PORTS: Final = (80, 81, 8080, 8443, 3000, 5000, 9000)
_LOADS: Final = (0.5, 0.75, 1.0, 1.5, 2.0, 4.0)
_BESIDE: Final = (0, 0, 8, 24, 60)
_HARMLESS: Final = frozenset({"open-client"})
"""Controls: the same troubles where nothing comes of them."""
_PAIRED: Final = 0.2
_HEALTHY: Final = 0.15


@dataclass(frozen=True, slots=True)
class Situation:
    """``scenarios``: names of the lab's, two for two causes at once; or one of ``healthy``.

    ``distraction``: see ``distracting``; the rest: ``halftrack.lab.parameters.Parameters``.
    """

    number: int
    scenarios: tuple[str, ...]
    ipv6: bool
    port: int
    load: float
    background: int
    founded: bool = False
    counting: bool = True
    stamping: bool = False
    distraction: str = ""

    @property
    def truths(self) -> tuple[str, ...]:
        """The causes that it has; none where the node is well, and where what was done leaves nothing."""
        if self.scenarios[0] in healthy.KINDS or self.scenarios[0] in _HARMLESS:
            return ()
        return tuple(lab.find(name).cause for name in self.scenarios)


def planned(runs: int, seed: int, only: frozenset[str] = frozenset()) -> Iterator[Situation]:
    """So many, every scenario as often as any other. ``only``: scenarios, where not all are wanted."""
    singles = [one.name for one in lab.SCENARIOS if not only or one.name in only]
    both = [pair for pair in pairs.PAIRS if not only or only.issuperset(pair)]
    random.Random(seed).shuffle(both)  # noqa: S311  # nothing secret
    well = [kind for kind in healthy.KINDS if not only or kind in only]
    alone: list[tuple[str, ...]] = [(one,) for one in singles]
    healthy_ones: list[tuple[str, ...]] = [(one,) for one in well]
    groups: tuple[list[tuple[str, ...]], ...] = (alone, [*both], healthy_ones)
    kinds: list[tuple[str, ...]] = []
    for count, some in zip(_shared_out(runs, *map(bool, groups)), groups, strict=True):
        kinds += [some[each % len(some)] for each in range(count)]
    random.Random(seed).shuffle(kinds)  # noqa: S311  # nothing secret
    for number, scenarios in enumerate(kinds):
        yield _varied(number, scenarios, random.Random(f"{seed}/{number}"))  # noqa: S311  # likewise


def _shared_out(runs: int, singles: bool, both: bool, well: bool) -> tuple[int, int, int]:  # noqa: FBT001  # three of a kind
    """How many runs of one trouble, of two, of none."""
    paired = round(runs * (_PAIRED if singles or well else 1.0)) if both else 0
    healthy_ones = round(runs * (_HEALTHY if singles or both else 1.0)) if well else 0
    return (runs - paired - healthy_ones if singles else 0), paired, healthy_ones


def _varied(number: int, scenarios: tuple[str, ...], chance: random.Random) -> Situation:
    distraction = chance.choice(("", *distracting.KINDS))
    return Situation(
        number=number,
        scenarios=scenarios,
        ipv6=chance.random() < 1 / 3,
        port=chance.choice(_PORTS),
        load=chance.choice(_LOADS),
        background=0 if distraction == distracting.CROWD else chance.choice(_BESIDE),
        founded=chance.random() < 1 / 4,
        counting=chance.random() < 1 / 2,
        stamping=chance.random() < 1 / 4,
        distraction=distraction,
    )

"""What may be done to an entry, and why no more than that."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from halftrack.tcp.timeouts import SAFE_ESTABLISHED

if TYPE_CHECKING:
    from halftrack.plans.actions import Mode

DEAD_S: Final = 60
"""Seconds left to what is dead or never was answered: long enough for a keepalive that proves us wrong."""
MAY_LIVE_S: Final = SAFE_ESTABLISHED
"""Seconds left at least to what may live: two hours of silence before the first keepalive
(``tcp_keepalive_time``), and four minutes for it to come."""


class Fate(IntEnum):
    """Of one entry. Those up to ``MAY_LIVE`` are changed, the others left alone."""

    DEAD = 1
    """The namespace of its owner was read and has no socket for it, closing ones included."""
    UNANSWERED = 2
    """TCP, ESTABLISHED or later, never a reply, and no rule would miss it."""
    MAY_LIVE = 3
    """Its socket lives, or nobody can see it, or rules may need it."""
    SHORT = 4
    """It has no more left than it would be given."""
    NOT_PROVEN = 5
    """To be removed only if it were proven dead."""
    HANDSHAKE = 6
    """A connection being opened."""
    TRAFFIC = 7
    """One direction takes another way: what looks dead is the traffic."""
    STRICT = 8
    """No reply, no proof, and strict pick-up would not take it in again."""
    FIXED = 9
    """The kernel does not let its timeout be changed."""
    OFFLOADED = 10
    """Its packets do not pass here; it has no timeout."""
    DYING = 11
    """It is being removed already."""

    @property
    def changed(self) -> bool:
        return self <= Fate.MAY_LIVE


CHANGED: Final = tuple(fate for fate in Fate if fate.changed)
"""In this order: what is surest first."""

MEANINGS: Final = MappingProxyType(
    {
        Fate.DEAD: "no socket left at their owner",
        Fate.UNANSWERED: "never answered, and no rule would miss them",
        Fate.MAY_LIVE: "alive, or nobody can tell",
        Fate.SHORT: "have no more left than that already",
        Fate.NOT_PROVEN: "not proven dead",
        Fate.HANDSHAKE: "connections being opened",
        Fate.TRAFFIC: "one direction takes another way: they are the traffic",
        Fate.STRICT: "never answered, not proven dead, and strict pick-up would not take them in again",
        Fate.FIXED: "timeout fixed",
        Fate.OFFLOADED: "offloaded",
        Fate.DYING: "being removed already",
    }
)
"""In words, for several entries."""

REFUSED: Final = (Fate.TRAFFIC, Fate.STRICT)
"""Left alone although somebody asked for them and they have long to live."""


def seconds(fate: Fate, wanted: int | None) -> int:
    """What an entry of this fate is left: ``wanted``, but never less than it must have."""
    floor = DEAD_S if fate in (Fate.DEAD, Fate.UNANSWERED) else MAY_LIVE_S
    return max(floor, wanted or 0)


@dataclass(frozen=True, slots=True)
class Wish:
    """``seconds``: what is to be left, where that is more than the least of each fate."""

    mode: Mode = "retime"
    seconds: int | None = None

"""Entries of one kind over time: those that are there go, others come as they did and stay as long as is set.

Three kinds. What is stuck is never heard again: each goes when its time is over, and more come at the
pace that its own entries tell (``growth``). What is in use is heard again and again: it stays as many,
of which a shorter timeout keeps only those that are not silent for so long (``silences.Turnover``).
And where nobody can tell what a packet gave an entry, it is taken to stay.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from halftrack.diagnosis.arrivals import Pace, Rate, Seconds, Steps
from halftrack.diagnosis.silences import Clock, Turnover
from halftrack.tcp import keeping
from halftrack.tcp.keeping import Span

if TYPE_CHECKING:
    from halftrack.diagnosis.growth import Growth

_LEAPS: Final = 2048
Comes: TypeAlias = Rate | Steps | Turnover | None


@dataclass(frozen=True, slots=True)
class Part:
    """``entries`` of one symptom (None: of none) that one rule keeps (``tcp.keeping``).

    ``ends``: when those go that are there and never heard again, in seconds from now; an entry that is
    not among them is taken to stay. ``comes``: what arrives, of which this part is ``share``; None: no
    more. ``told`` False: more may come, and nobody can tell how many. ``lives``: what a packet gives,
    None: not known. ``picked_up``: share of it that mid-stream packets began for certain; ``maybe``: with
    what may have begun so. ``untracked``: share that gets no entry any more; ``strict``: neither does what
    is picked up. ``capped``: share that lives so many seconds at most. ``cleared``: share of what is there
    now that goes within ``cleared_s``. ``shaken``: a setting is another one that may have given it its time.
    ``blind_s``: so long it is silent before it is among these entries, and ``given_s`` what a packet gave it.
    """

    symptom: str | None
    rule: int
    entries: int
    ends: Clock
    comes: Comes = None
    share: float = 1.0
    told: bool = True
    lives: Span | None = None
    picked_up: float = 0.0
    maybe: float = 0.0
    untracked: float = 0.0
    strict: bool = False
    capped: tuple[tuple[float, int], ...] = ()
    cleared: float = 0.0
    cleared_s: int = 0
    shaken: bool = False
    blind_s: int = 0
    given_s: int = 0

    @classmethod
    def of(cls, grown: Growth) -> Part:
        """A case as one part, as it goes on under the settings of today."""
        lives = None if grown.lifetime_s is None else Span.exactly(grown.lifetime_s)
        return cls(
            "",
            keeping.UNTOLD,
            grown.entries,
            grown.ends,
            grown.arrivals,
            told=grown.told,
            lives=lives,
            blind_s=grown.blind_s,
            given_s=grown.lifetime_s or 0,
        )

    def at(self, at_s: Seconds, pace: Pace) -> Seconds:
        """Entries so many seconds from now; NaN where that cannot be told."""
        likely = self._at(at_s, "likely")
        if pace == "likely":
            return likely
        bound = self._at(at_s, pace)
        return np.fmin(bound, likely) if pace == "slow" else np.maximum(bound, likely)

    def left(self, at_s: Seconds) -> Seconds:
        """Of those that are there now, those whose time is not over unless they are heard again."""
        stays = self.entries - self.ends.upto(at_s)
        return np.where(at_s >= self.cleared_s, stays * (1 - self.cleared), stays) if self.cleared else stays

    def _at(self, at_s: Seconds, pace: Pace) -> Seconds:
        if isinstance(self.comes, Turnover):
            return self._turned_over(at_s, pace, self.comes)
        left = self.left(at_s)
        if self.comes is None and self.told:
            if self.rule == keeping.UNTOLD and self.symptom is None:
                return left if pace == "slow" and self.shaken else np.full_like(at_s, self.entries)
            return left
        return left + self._on_the_way(at_s, pace) + self._come(at_s, pace)

    def _come(self, at_s: Seconds, pace: Pace) -> Seconds:
        gone = self._without(pace)
        if gone >= 1 or (self.told and not self.share):
            return np.zeros_like(at_s)
        if not self.told:
            return np.zeros_like(at_s) if pace == "slow" else _unknown(at_s, np.zeros_like(at_s))
        come = np.zeros_like(at_s)
        for share, lifetime_s in self._lifetimes(pace):
            if lifetime_s is None:
                return _unknown(at_s, come)
            if self.comes is not None:
                come = come + share * self.comes.arrived(at_s, pace, lifetime_s)
            if self.blind_s and isinstance(self.comes, Rate):
                # The rest has them until then, and stays as many. A step comes on top of what is in use.
                come = come - share * self.comes.arrived(at_s, pace, min(self.blind_s, lifetime_s))
        return self.share * (1 - gone) * come

    def _on_the_way(self, at_s: Seconds, pace: Pace) -> Seconds:
        """Those that fell silent already, and are among these entries once they have been so for longer."""
        if not self.blind_s or not isinstance(self.comes, Rate):
            return np.zeros_like(at_s)
        gone_s = np.clip(at_s - (self.given_s - self.blind_s), 0, self.blind_s)
        here_s = np.maximum(np.minimum(at_s, self.blind_s) - gone_s, 0)
        return np.asarray(self.share * (1 - self.untracked) * getattr(self.comes, pace) * here_s, np.float64)

    def _turned_over(self, at_s: Seconds, pace: Pace, comes: Turnover) -> Seconds:
        """A present silence lasts as it would have; of those to come each as long as is set then."""
        gone = self._without(pace)
        if gone >= 1:
            return self.left(at_s)
        still = comes.older(at_s)
        if self.cleared:
            still = np.where(at_s >= self.cleared_s, still * (1 - self.cleared), still)
        for share, lifetime_s in self._lifetimes(pace):
            if lifetime_s is None:
                return _unknown(at_s, still)
            still = still + share * comes.arrived(at_s, pace, lifetime_s)
        return (1 - gone) * still + gone * self.left(at_s)

    def _without(self, pace: Pace) -> float:
        """Share of what would come that gets no entry.

        What is in use has its entry already, and keeps it as long as it is heard.
        """
        picked_up = 0.0
        if self.strict and pace == "slow":
            picked_up = self.maybe
        elif self.strict:
            in_use = isinstance(self.comes, Turnover)
            one_sided = pace == "likely" and self.rule == keeping.ONE_SIDED
            picked_up = self.picked_up if not in_use or one_sided else 0.0
        return 1 - (1 - self.untracked) * (1 - picked_up)

    def _lifetimes(self, pace: Pace) -> tuple[tuple[float, int | None], ...]:
        """Shares of what comes, and how long each is kept."""
        whole = None if self.lives is None else getattr(self.lives, pace)
        if not self.capped or (isinstance(self.comes, Turnover) and pace != "slow"):
            # A policy holds for new connections alone: when those of today end, nobody knows.
            return ((1.0, whole),)
        rest = 1 - sum(share for share, _ in self.capped)
        shorter = [(share, None if whole is None else min(whole, seconds)) for share, seconds in self.capped]
        return (*shorter, (rest, whole))

    def leaps_s(self, pace: Pace, until_s: float) -> Seconds:
        """Moments at which much happens at once."""
        if not isinstance(self.comes, Steps) or self.lives is None:
            return np.empty(0)
        lifetime_s = getattr(self.lives, pace)
        first, interval = self.comes.next_s(pace), self.comes.interval_s(pace)
        come = np.arange(first, until_s, max(interval, until_s / _LEAPS))
        return come if lifetime_s is None else np.concatenate([come, come + lifetime_s])

    @property
    def longest_s(self) -> int:
        """Seconds after which nothing of today is left, and what comes has reached its level."""
        last = int(self.ends.seconds[-1]) if self.ends.size else 0
        return max(last, 0 if self.lives is None or self._without("likely") >= 1 else self.lives.fast)


def _unknown(at_s: Seconds, now: Seconds) -> Seconds:
    """Nothing can be told but what is there at this moment."""
    return np.where(at_s > 0, np.nan, now)

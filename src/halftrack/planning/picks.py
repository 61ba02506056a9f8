"""A remedy picked for a plan: what it was advised for, and what it would do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from halftrack import remedies
from halftrack.planning.clearing import Clearing, clearing, together
from halftrack.plans.actions import ByHand, Drain, Persist
from halftrack.plans.document import NotChosen
from halftrack.remedies.preference import slug

if TYPE_CHECKING:
    from halftrack.diagnosis.document import Advice, Finding
    from halftrack.plans.actions import Action
    from halftrack.remedies.situation import Situation


@dataclass(frozen=True, slots=True)
class Pick:
    """``actions`` is never empty. ``finding``: what it is for; None where it was asked for without one.

    ``clearing``: what its drains come to, all together; None where it has none.
    """

    situation: Situation
    advice: Advice
    actions: tuple[Action, ...]
    finding: Finding | None
    clearing: Clearing | None = None

    @property
    def remedy(self) -> str:
        return slug(self.advice)

    @property
    def drains(self) -> tuple[Drain, ...]:
        return tuple(action for action in self.actions if isinstance(action, Drain))

    @property
    def by_hand(self) -> bool:
        """Whether all of it is left to somebody else."""
        return all(isinstance(action, (ByHand, Persist)) for action in self.actions) and any(
            isinstance(action, ByHand) for action in self.actions
        )


@dataclass(frozen=True, slots=True)
class Choice:
    """``picks`` in no order yet; ``left``: what was left out, each with the reason that decides."""

    picks: tuple[Pick, ...] = ()
    left: tuple[NotChosen, ...] = ()

    def __add__(self, other: Choice) -> Choice:
        return Choice(self.picks + other.picks, self.left + other.left)


def pick(situation: Situation, advice: Advice, *, asked: bool = False) -> Pick | None:
    """None where the remedy is advice alone, or all that it would do is so already."""
    actions = remedies.actions(situation, advice)
    finding = None if asked and not situation.finding.id else situation.finding
    if not actions:
        return None
    told = [clearing(situation, action) for action in actions if isinstance(action, Drain)]
    return Pick(situation, advice, actions, finding, together(told) if told else None)


def left_out(advice: Advice | str, situation: Situation, why: str) -> NotChosen:
    """``why``: the one reason that decides."""
    groups = situation.finding.groups
    service = groups[0].service if groups else None
    remedy = advice if isinstance(advice, str) else slug(advice)
    return NotChosen(remedy=remedy, why=why, service=service)

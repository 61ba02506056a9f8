"""What would help: effect, risk, commands."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from halftrack.diagnosis.document.groups import Peer

Kind = Literal["relief", "cure", "clear"]
KINDS: Final[tuple[Kind, ...]] = ("relief", "cure", "clear")
"""In the order in which a plan has them."""
RiskLevel = Literal["none", "low", "medium", "high"]
Outcome = Literal["picked-up-again", "dropped", "loses-translation", "goes-on-untracked", "unclear"]
UNHURT: Final[tuple[Outcome, ...]] = ("picked-up-again", "goes-on-untracked")
"""Of a connection whose entry is gone: it goes on all the same."""


class Effect(msgspec.Struct, frozen=True, kw_only=True):
    entries_freed: int | None = None
    settles_at: int | None = None


class LiveFlows(msgspec.Struct, frozen=True, kw_only=True):
    """Flows in use that a remedy touches, for one service. ``peers``: those with the most of them.

    ``outcome``: what happens to each once its entry is gone: its next packet makes a new one
    (``picked-up-again``, where rules let it), is not taken for one of a connection (``dropped``, where
    rules drop what is invalid), or goes out with the wrong address (``loses-translation``). None:
    its entry stays. With ``rules_read`` it is what the rules here do: then also ``goes-on-untracked``, if
    none of them drops what is invalid, and ``unclear``. ``by``: the rule that decides, quoted.
    """

    service: str
    entries: int
    example: str
    peers: tuple[Peer, ...] = ()
    outcome: Outcome | None = None
    by: str | None = None
    rules_read: bool = False


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    level: RiskLevel
    why: tuple[str, ...] = ()
    live_flows_affected: int | None = None
    live_flows: tuple[LiveFlows, ...] = ()

    @property
    def cut_flows(self) -> tuple[LiveFlows, ...]:
        """Without those that no rule of the namespace would hurt."""
        return tuple(flows for flows in self.live_flows if not (flows.rules_read and flows.outcome in UNHURT))


class Advice(msgspec.Struct, frozen=True, kw_only=True):
    """A remedy for a finding. ``title``: one line; ``commands``: to be typed on the node as they stand.

    ``after``: the kind of remedy that has to be through before this one, where there is one.
    """

    remedy: str
    kind: Kind
    title: str
    arguments: dict[str, str | int] = {}
    effect: Effect
    risk: Risk
    commands: tuple[str, ...] = ()
    after: Kind | None = None

"""shaping: a token bucket on the container's link holds pages back until their clients have gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab import shaped
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_TBF: Final = (
    *("qdisc", "replace", "dev", "eth0", "root", "handle", "1:"),
    *("tbf", "rate", "100kbit", "burst", "3kb", "limit", "10mb"),
)


def play(scene: Scene) -> None:
    shaped.sent_too_late(scene, [_TBF])


SCENARIO: Final = Scenario(
    "shaping", "shaping", "A rate limit (TBF) holds pages back until their clients have gone.", play
)
FOUNDING: Final = Scenario(
    "founding",
    "shaping",
    "As shaping, on a kernel that keeps such entries for five days: the founding case.",
    play,
    founded=True,
)
"""What the project was founded on."""

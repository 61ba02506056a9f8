"""hooks-off: the router's last rule that asks for tracking is removed, and the table stays as it is.

As when a firewall is stopped or flushed: connections go on and end, and their entries learn nothing of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.kernel import tracking
from halftrack.lab import aging
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_ENDING: Final = 24
_STAYING: Final = 24
_AGO_S: Final = 3 * 3_600
_SPREAD_S: Final = 240
_ROUNDS: Final = 3
_QUIET_S: Final = 3.0
"""So that what talked beside is not taken for what talks still."""


def play(scene: Scene) -> None:
    many = scene.parameters.many
    ending, staying = scene.visits(many(_ENDING)), scene.visits(many(_STAYING))
    visits = [*ending, *staying]
    scene.talk(visits)
    scene.tell(f"{len(visits)} clients are served")
    aging.silent(scene, visits, [_AGO_S + each * _SPREAD_S // len(visits) for each in range(len(visits))])
    scene.net.router.call(tracking.end)
    scene.tell(
        f"the router's last rule that asks for tracking goes, {_AGO_S // 3_600} h ago (its entries are given"
        " the time that this would have left them)"
    )
    for one in ending:
        for end in one:
            end.close()
    for _ in range(_ROUNDS):
        scene.talk(staying)
    scene.pause(_QUIET_S)
    scene.tell(f"since then {len(ending)} connections were closed in order, and {len(staying)} talk on")


SCENARIO: Final = Scenario(
    "hooks-off",
    "hooks-off",
    "The last rule that asks for tracking removed: the table stays as it was, whatever goes on.",
    play,
)

"""owner-removed: the server's container is removed under load and made anew, twice; its entries stay.

Its link goes first, so nothing that its sockets have to say comes out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab import aging, dark
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_CLIENTS: Final = 24
_HOUR: Final = 3_600
_REMOVED: Final = (5 * _HOUR, 2 * _HOUR)
"""How many seconds ago."""
_SPREAD_S: Final = 20
_STAYING: Final = 6


def play(scene: Scene) -> None:
    for number, ago in enumerate(_REMOVED, 1):
        visits = scene.visits(scene.parameters.many(_CLIENTS))
        scene.talk(visits)
        aging.silent(scene, visits, [ago + each % _SPREAD_S for each in range(len(visits))])
        dark.fall_silent(scene.net.server, [served for _, served in visits])
        scene.tell(
            f"removal {number}, {ago // _HOUR} h ago: the server's container goes with {len(visits)}"
            " connections, its link before its sockets (the router's entries are given the time that this"
            " would have left them)"
        )
    others = scene.visits(_STAYING)
    scene.talk(others)
    scene.tell(f"a new one has its address; {len(others)} clients are with it")


SCENARIO: Final = Scenario(
    "owner-removed",
    "owner-removed",
    "A container removed under load, twice: nothing tells the router that its connections are over.",
    play,
)

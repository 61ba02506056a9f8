"""idle-pool: a few clients keep connections open that nobody needs just now. Nothing is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab import aging
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_POOL: Final = 32
_APPLICATIONS: Final = 2
_YOUNGEST_S: Final = 9_000
_APART_S: Final = 410


def play(scene: Scene) -> None:
    pool = scene.visits(scene.parameters.many(_POOL), own=scene.net.clients[:_APPLICATIONS])
    scene.talk(pool)
    scene.tell(f"{_APPLICATIONS} applications keep {len(pool)} connections to their database open")
    aging.silent(scene, pool, [_YOUNGEST_S + each * _APART_S for each in range(len(pool))])
    scene.tell(
        "night: each was last used between 2 h 30 min and some more hours ago (the router's entries are given"
        " the time that this would have left them)"
    )


SCENARIO: Final = Scenario(
    "idle-pool", "idle-pool", "A pool of connections at rest, which is no trouble: what OK looks like.", play
)

"""vanished-peer: clients go away without a word, one by one, and the server does not ask after them.

Power lost, out of reach: no FIN and no RST. The server has no keepalive and nothing to send, so neither it
nor the tracker ever learns of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab import aging, dark
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_VISITORS: Final = 40
_EACH: Final = 3
"""Connections of one client at most: many come from many."""
_STAYING: Final = 6
_YOUNGEST_S: Final = 9_000
_SPAN_S: Final = 100_000


def play(scene: Scene) -> None:
    number = min(scene.parameters.many(_VISITORS), _EACH * len(scene.net.clients))
    visits = scene.visits(number)
    others = scene.visits(_STAYING)
    scene.talk([*visits, *others])
    scene.tell(f"{len(visits) + len(others)} clients have connected and asked something")
    aging.silent(scene, visits, [_YOUNGEST_S + each * _SPAN_S // len(visits) for each in range(len(visits))])
    gone = [client.getsockname()[1] for client, _ in visits]
    dark.fall_silent(scene.net.client, [client for client, _ in visits])
    scene.tell(
        f"{len(gone)} of them vanished without a word, one by one over the last 30 hours (the router's"
        " entries are given the time that this would have left them)"
    )
    scene.talk(others)
    scene.tell(f"{len(others)} are still there; the server's sockets of all of them are, too")


SCENARIO: Final = Scenario(
    "vanished-peer",
    "vanished-peer",
    "Clients that vanish one by one without a word, and a server that does not ask after them.",
    play,
)

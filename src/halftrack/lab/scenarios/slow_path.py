"""slow-path: packets take long between server and router, and clients do not wait.

What the server sends before the client's RST has reached it passes the router when that has forgotten the
connection.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab.scenario import Scenario
from halftrack.lab.scene import reset

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_DELAY_S: Final = 1.5
_CLOSE_S: Final = 1
_STAYING: Final = 6
_ROUNDS: Final = 2
_PAGE: Final = bytes(3_000)
_APART_S: Final = 0.3


def play(scene: Scene) -> None:
    net = scene.net
    leaving, staying = net.clients[:-_STAYING], net.clients[-_STAYING:]
    with scene.given("so that the router forgets sooner", tcp_timeout_close=_CLOSE_S):
        visits = scene.visits(scene.parameters.many(len(leaving)), own=leaving)
        others = scene.visits(_STAYING, own=staying)
        scene.tell(f"{len(visits)} clients have connected")
        scene.drop(net.client, f"{scene.family} daddr {{ {', '.join(leaving)} }} tcp sport {scene.port}")
        for client, served in visits:
            reset(client)
            served.send(_PAGE)
            scene.pause(_APART_S)
        scene.tell(
            "they give up, and their own filter drops what still comes; the server has just answered each"
        )
        for _ in range(_ROUNDS):
            scene.talk(others)
        scene.until(lambda: scene.one_sided().height >= len(visits), "answers to come by")
    scene.tell("its answers passed when the router had forgotten: each has opened an entry")
    for _, served in others:
        served.send(_PAGE)


SCENARIO: Final = Scenario(
    "slow-path",
    "slow-path",
    "A slow way between server and router: answers come when clients have gone.",
    play,
    delay_s=_DELAY_S,
)

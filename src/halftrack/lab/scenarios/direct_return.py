"""direct-return: requests pass the router, the server answers past it, as behind IPVS that routes.

The tracker hears clients alone. Their SYN opens an entry that waits for an answer, and what they send
afterwards fits none; who goes on for longer than such an entry lives is picked up in mid-stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab.scenario import Scenario
from halftrack.lab.talking import talking

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_LONG: Final = 16
_YOUNG: Final = 80
_SYN_SENT_S: Final = 1


def play(scene: Scene) -> None:
    net = scene.net
    net.shortcut()
    net.past_the_router(net.server, *net.clients)
    scene.tell("a second link leads from the server to the client, past the router: answers take it")
    with scene.given("as if the first connections were minutes old", tcp_timeout_syn_sent=_SYN_SENT_S):
        long = scene.visits(scene.parameters.many(_LONG))
        scene.until_forgotten("entries that wait for an answer to run out")
    scene.enter(talking(scene, long))
    scene.tell(f"{len(long)} clients have been connected for a while, and talk on")
    young = scene.visits(scene.parameters.many(_YOUNG))
    scene.enter(talking(scene, young))
    scene.tell(f"{len(young)} more have just connected, and talk: the router waits for their answers in vain")
    scene.until(lambda: scene.one_sided().height >= len(long), "the old connections to be picked up")


SCENARIO: Final = Scenario(
    "direct-return",
    "direct-return",
    "The server answers past the router, as behind a load balancer that routes (IPVS-DR).",
    play,
)

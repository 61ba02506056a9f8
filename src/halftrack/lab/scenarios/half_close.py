"""half-close: the server has closed, the client closes when the tracker has forgotten the connection.

The client's FIN finds no entry and makes none, the server's answer to it does: one bare ACK, in mid-stream,
that nobody will ever answer. This is what the founding case's entries of one packet and 40 bytes are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab.scenario import Scenario
from halftrack.lab.scene import ENDING

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_VISITORS: Final = 16
_APART_S: Final = 0.4


def play(scene: Scene) -> None:
    with scene.given("so that the router forgets sooner", **ENDING):
        visits = scene.visits(scene.parameters.many(_VISITORS))
        scene.talk(visits)
        for _, served in visits:
            served.shutdown(1)
        scene.tell(f"{len(visits)} clients got their page; the server has closed its side, they have not")
        scene.until_forgotten("the half-closed connections to run out")
        scene.tell("the router has forgotten them: CLOSE_WAIT has run out")
    for client, _ in visits:
        client.close()
        scene.pause(_APART_S)
    scene.tell("one by one the clients close, too: the server's last ACK opens an entry of its own")


SCENARIO: Final = Scenario(
    "half-close", "unknown", "Clients that close long after the server: its last ACK is picked up.", play
)

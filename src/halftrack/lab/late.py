"""Answers that come when the client has closed and the tracker has forgotten it: the founding trouble."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab.scene import ENDING

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene, Visit

_VISITORS: Final = 16
_APART_S: Final = 0.4
_ANSWER: Final = bytes(1_000)


def closed_and_forgotten(scene: Scene) -> list[Visit]:
    """Clients ask, wait in vain and close; the router does not know them any more."""
    with scene.given("so that the router forgets sooner", **ENDING):
        visits = scene.visits(scene.parameters.many(_VISITORS))
        scene.talk(visits)
        for client, _ in visits:
            client.close()
        scene.tell(f"{len(visits)} clients asked for a page and closed before it came")
        scene.until_forgotten("the closed connections to run out")
        scene.tell("the router has forgotten them: CLOSE_WAIT has run out")
    return visits


def answered(scene: Scene, visits: list[Visit]) -> None:
    """The server answers after all, the one after the other."""
    for _, served in visits:
        served.send(_ANSWER)
        scene.pause(_APART_S)

"""filtered-client: late answers to clients behind a filter that drops what it does not expect.

A phone, or a router that translates: the client has closed, its filter drops the answer, and so no RST
comes back that would remove the entry which the answer opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab import late
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene


def play(scene: Scene) -> None:
    visits = late.closed_and_forgotten(scene)
    scene.drop(scene.net.client, f"tcp sport {scene.port}")
    scene.tell("the clients' own filter drops what comes from the server now")
    late.answered(scene, visits)
    scene.tell("the server answers at last: each answer opens an entry, nobody says that it is over")


SCENARIO: Final = Scenario(
    "filtered-client",
    "unknown",
    "Late answers to clients whose own filter drops them: nothing removes the entries.",
    play,
)

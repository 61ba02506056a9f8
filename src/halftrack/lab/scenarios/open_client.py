"""open-client: the same late answers to clients that can be reached: the control, nothing stays.

The client's kernel answers with RST, which removes the entry that the answer has opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab import late
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene


def play(scene: Scene) -> None:
    visits = late.closed_and_forgotten(scene)
    late.answered(scene, visits)
    scene.tell("the server answers at last: each answer opens an entry, the client's RST removes it at once")


SCENARIO: Final = Scenario(
    "open-client", "unknown", "The control: late answers to clients that say no. Nothing stays.", play
)

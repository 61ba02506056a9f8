"""asymmetric-path: what clients send takes another way, the answers alone come through the router.

Its tracker picks up the server's packets in mid-stream and never hears a client: entries that carry living
traffic, and that end some minutes after it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.lab.scenario import Scenario
from halftrack.lab.talking import talking

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_CLIENTS: Final = 24
_CONVERSATION: Final = 120
"""Packets of the server."""
_EVERY_S: Final = 0.04


def play(scene: Scene) -> None:
    net = scene.net
    net.shortcut()
    net.past_the_router(net.client, net.server_address)
    scene.tell("a second link leads from the client to the server, past the router: clients send over it")
    visits = scene.visits(scene.parameters.many(_CLIENTS))
    scene.enter(talking(scene, visits, _EVERY_S))
    scene.tell(f"{len(visits)} clients talk with the server, which answers through the router, and go on")
    scene.until(lambda: _known(scene) >= len(visits), "the router to see enough of each conversation")
    scene.tell(f"the router has heard the server say {_CONVERSATION} things to each, and no client at all")


def _known(scene: Scene) -> int:
    """Conversations of which the router has counted enough; where it does not count, those that it knows."""
    counted = pl.col("orig_packets") >= _CONVERSATION
    found = scene.one_sided()
    return found.filter(counted).height if scene.parameters.counting else found.height


SCENARIO: Final = Scenario(
    "asymmetric-path", "asymmetric-path", "Requests take another way, answers come through the router.", play
)

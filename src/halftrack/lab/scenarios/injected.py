"""injected: entries that a program has put there, for connections that pass by another router.

What keeps two routers alike, or moves a container with its connections, writes entries through ctnetlink and
gives them the time that it likes: also to those that a kernel by itself would cut short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.errors import Incomplete
from halftrack.evidence import uapi
from halftrack.kernel import ctnetlink, tracking
from halftrack.kernel.ctnetlink import creating
from halftrack.lab.scenario import Scenario
from halftrack.lab.talking import talking

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_CONNECTIONS: Final = 40
_FIVE_DAYS_S: Final = 432_000
_GOING_ON_S: Final = 8.0


def play(scene: Scene) -> None:
    net = scene.net
    net.shortcut()
    net.past_the_router(net.client, net.server_address)
    net.past_the_router(net.server, *net.clients)
    net.server.call(tracking.begin)
    scene.tell("a second link leads past the router, both ways; the server's own tracker sees what takes it")
    visits = scene.visits(scene.parameters.many(_CONNECTIONS))
    scene.talk(visits)
    scene.enter(talking(scene, visits))
    scene.tell(f"{len(visits)} clients talk with the server over it, and the router knows nothing of them")
    known = ctnetlink.dump(netns_path=net.server.path).flows.frame.filter(pl.col("orig_dport") == scene.port)
    copied = known.with_columns(
        timeout=pl.lit(_FIVE_DAYS_S),
        status=pl.col("status") & ~pl.lit(uapi.IPS_SEEN_REPLY | uapi.IPS_ASSURED, pl.UInt32),
    )
    made = creating.create(net.router.path, copied)
    if made.refused:
        raise Incomplete(f"the kernel took not all entries: {', '.join(sorted(made.refused))}")
    scene.tell(
        f"a program copies {made.asked} entries to the router, with five days to live, and leaves out that"
        " they were answered"
    )
    scene.pause(_GOING_ON_S)
    scene.tell("they talk on, and the router sees nothing of it")


SCENARIO: Final = Scenario(
    "injected", "injected", "A program copies another node's entries here, with five days to live.", play
)

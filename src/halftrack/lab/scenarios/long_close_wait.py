"""long-close-wait: the router keeps for an hour what one end has closed, as kube-proxy has it by default.

The server's process never closes: a leak of its own, which the long timeout makes one of the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import uapi
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_SETTING: Final = "netfilter/nf_conntrack_tcp_timeout_close_wait"
_HOUR: Final = 3_600
_VISITORS: Final = 64
_FEWEST: Final = 52
"""Fewer half-closed connections are everyday life to the doctor."""


def play(scene: Scene) -> None:
    scene.net.router.set({_SETTING: str(_HOUR)})
    scene.tell(f"tcp_timeout_close_wait is {_HOUR} s, as kube-proxy sets it")
    visits = scene.visits(max(_FEWEST, scene.parameters.many(_VISITORS)))
    scene.talk(visits)
    for client, _ in visits:
        client.close()
    scene.tell(f"{len(visits)} clients asked, were answered and closed; the server's process never closes")
    scene.until(lambda: _waiting(scene) >= len(visits), "the clients' FINs to be answered")


def _waiting(scene: Scene) -> int:
    return scene.entries().filter(pl.col("state") == uapi.TCP_CONNTRACK_CLOSE_WAIT).height


SCENARIO: Final = Scenario(
    "long-close-wait",
    "long-close-wait",
    "An hour for what one end has closed, as kube-proxy sets it, and a server that never closes.",
    play,
)

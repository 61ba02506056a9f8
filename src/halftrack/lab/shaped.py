"""Pages that a rate limit holds back until their clients have given up and the tracker has forgotten them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from halftrack.lab.scene import ENDING, reset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.lab.scene import Scene

_PAGE: Final = bytes(5_000)
"""Fits into a connection's first window (RFC 6928): all of it is under way before anybody answers."""
_DOWNLOAD: Final = bytes(400_000)
_STAYING: Final = 6


def sent_too_late(scene: Scene, limit: Sequence[Sequence[str]]) -> None:
    """``limit``: what tc is to do for the server's link, and then how fast is said in words."""
    net = scene.net
    leaving, staying = net.clients[:-_STAYING], net.clients[-_STAYING:]
    visits = scene.visits(scene.parameters.many(len(leaving)), own=leaving)
    downloads = scene.visits(_STAYING, own=staying)
    for words in limit:
        net.server.run(["tc", *words])
    scene.tell(f"the server's link is limited: tc {' '.join(limit[-1])}")
    with scene.given("so that the router forgets sooner", **ENDING):
        for _, served in visits:
            served.send(_PAGE)
        scene.tell(
            f"{len(visits)} clients ask for a page of {len(_PAGE):,} bytes; it waits in the server's queue"
        )
        scene.drop(net.client, f"{scene.family} daddr {{ {', '.join(leaving)} }} tcp sport {scene.port}")
        for client, _ in visits:
            reset(client)
        scene.tell("they give up: RST, and their own filter drops what still comes")
        sent, waiting = _queue(scene)
        scene.until(lambda: _queue(scene)[0] >= sent + waiting, "pages to come out of the queue")
    for _, served in downloads:
        served.settimeout(0)
        served.send(_DOWNLOAD)
    scene.tell(f"{_STAYING} other clients download on: the queue stays full while the doctor looks")


def _queue(scene: Scene) -> tuple[int, int]:
    """Bytes that have left the server's queue, and that wait in it."""
    told = json.loads(scene.net.server.run(["tc", "-s", "-j", "qdisc", "show", "dev", "eth0"]))
    return told[0]["bytes"], told[0]["backlog"]

"""table-flush: the router's table is emptied under load, as by a failover or a restart of its firewall.

What goes on is picked up in the middle. Of clients that had gone nobody answers, and what the server still
sends them opens entries of one direction, all in one moment.
"""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING, Final

from halftrack.kernel import netlink, netlink_messages
from halftrack.kernel.netlink_messages import CT_DELETE, NLM_F_ACK, NLM_F_REQUEST
from halftrack.lab import dark
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.place import Place
    from halftrack.lab.scene import Scene

_STAYING: Final = 24
_GONE: Final = 16
_RETRIES: Final = {"ipv4/tcp_retries2": "3"}
"""Some three seconds, then the server gives up: what it sends again makes entries look younger."""
_ROUNDS: Final = 3
_AFTERWARDS_S: Final = 12.0
"""Until the moment is one among others, and over."""
_WITHIN_S: Final = 5.0


def play(scene: Scene) -> None:
    net, many = scene.net, scene.parameters.many
    net.server.set(_RETRIES)
    visits, gone = scene.visits(many(_STAYING)), scene.visits(many(_GONE))
    scene.talk([*visits, *gone])
    dark.fall_silent(net.client, [client for client, _ in gone])
    scene.tell(
        f"{len(visits) + len(gone)} clients are served; {len(gone)} of them have just vanished, and the"
        " server does not know yet"
    )
    flush(net.router)
    scene.tell("the router's table is flushed")
    for _, served in gone:
        served.send(b"are you there?")
    for _ in range(_ROUNDS):
        scene.talk(visits)
    scene.tell("the server sends on to all of them: whose packets come first is picked up in the middle")
    scene.pause(_AFTERWARDS_S)
    scene.talk(visits)
    scene.tell(f"{_AFTERWARDS_S:g} s later it has given up those that do not answer")


def flush(place: Place) -> None:
    """Remove every entry of a namespace of the lab. Raises OSError."""
    number = netlink_messages.sequence()
    # A request that names no entry and no filter means all of them.
    request = netlink_messages.message(
        CT_DELETE, NLM_F_REQUEST | NLM_F_ACK, number, struct.pack("=BBH", 0, 0, 0)
    )
    with netlink.open_socket(netlink.NETLINK_NETFILTER, place.path) as sock:
        sock.send(request)
        netlink.answer(sock, number, time.monotonic() + _WITHIN_S)


SCENARIO: Final = Scenario(
    "table-flush",
    "table-flush",
    "The table emptied under load: what goes on is picked up in the middle, all in one moment.",
    play,
)

"""syn-flood: handshakes begun by senders that do not exist, more than the service can remember.

The server answers each, and nobody hears it: the router waits for last steps that never come. It sends
cookies in place of remembering, and its real clients hardly notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from halftrack.lab import forging
from halftrack.lab.scenario import Scenario
from halftrack.lab.talking import talking

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_BURST: Final = 1_200
_ON: Final = 12_000
"""A minute of it: a busy machine takes its time to look."""
_EACH: Final = 20
_EVERY_S: Final = 0.1
_BACKLOG: Final = 64
_REAL: Final = 6
_FORGED: Final = {False: "198.19.0.0/16", True: "2001:db8:5::/64"}


def play(scene: Scene) -> None:
    net, ipv6 = scene.net, scene.parameters.ipv6
    burst, on = (scene.parameters.many(one) for one in (_BURST, _ON))
    scene.listener(backlog=_BACKLOG)
    visits = scene.visits(_REAL)
    scene.enter(talking(scene, visits))
    scene.tell(
        f"a service that remembers {_BACKLOG} unfinished handshakes; {len(visits)} real clients talk with it"
    )
    senders = forging.addresses(_FORGED[ipv6], burst + on)
    packets = (
        forging.Packet(sender, forging.port(number), net.server_address, scene.port)
        for number, sender in enumerate(senders)
    )
    flood = forging.Sender(net.client, packets, ipv6=ipv6)
    scene.enter(flood)
    flood.send(burst)
    scene.tell(f"{burst:,} SYNs from as many addresses that nobody has; the answers come to nobody")
    scene.enter(flood.going(scene.parameters.many(_EACH), _EVERY_S))
    scene.tell(f"and on they come while the doctor looks, {on:,} at most")


SCENARIO: Final = Scenario(
    "syn-flood", "syn-flood", "Handshakes in masses from senders that do not exist; bounded.", play
)

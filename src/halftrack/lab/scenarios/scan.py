"""scan: one sender tries port after port of a server whose filter does not even say no."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import IPPROTO_TCP, IPPROTO_UDP
from halftrack.lab import forging
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_TRIED: Final = 240
_ON: Final = 2_400
"""A minute of it: a busy machine takes its time to look."""
_EACH: Final = 4
_EVERY_S: Final = 0.1
_FIRST: Final = 10_000
_MOST: Final = 40_000
_NAMES: Final = {IPPROTO_TCP: "tcp", IPPROTO_UDP: "udp"}


def play(scene: Scene, protocol: int = IPPROTO_TCP) -> None:
    net, name = scene.net, _NAMES[protocol]
    tried, on = (scene.parameters.many(one) for one in (_TRIED, _ON))
    scene.drop(net.server, f"{name} dport {_FIRST}-{_FIRST + _MOST - 1}")
    packets = (
        forging.Packet(
            net.clients[0],
            forging.port(number),
            net.server_address,
            _FIRST + number % _MOST,
            protocol,
        )
        for number in range(tried + on)
    )
    scanner = forging.Sender(net.client, packets, ipv6=scene.parameters.ipv6)
    scene.enter(scanner)
    scanner.send(tried)
    scene.tell(
        f"{net.clients[0]} tries {tried} {name} ports of the server, once each; a filter there drops it all"
    )
    scene.enter(scanner.going(scene.parameters.many(_EACH), _EVERY_S))
    scene.tell(f"and goes on while the doctor looks, {on} ports at most")


SCENARIO: Final = Scenario("scan", "scan", "One sender tries hundreds of ports that do not answer.", play)
UDP: Final = Scenario("scan-udp", "scan", "The same with UDP.", partial(play, protocol=IPPROTO_UDP))

"""stale-nat: a container was replaced, and its clients' datagrams still go to the old one's address.

Translation is decided with the first packet and kept. A client that always uses the same port renews the
entry with everything that it sends, and never reaches the new container.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, Final

import polars as pl

from halftrack.evidence import uapi
from halftrack.lab.containers import Bridge
from halftrack.lab.scenario import Scenario
from halftrack.lab.talking import Going

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene

_SENDERS: Final = 12
_LATER: Final = 4
_RULE: Final = """table inet lab_service {{
  chain to_container {{
    type nat hook prerouting priority dstnat;
    {family} daddr {service} udp dport {port} dnat {family} to {container}
  }}
}}
"""
_MOST: Final = 2_048


def play(scene: Scene) -> None:
    bridge = Bridge(scene)
    old, first_address = bridge.container("lab-web-1")
    _lead_to(scene, first_address)
    served = _service(scene, old.name, first_address)
    asked = f"UDP {scene.port} of {scene.net.server_address}"
    scene.tell(f"the router leads {asked} to the container lab-web-1, {first_address}")
    early = [_sender(scene, each) for each in range(scene.parameters.many(_SENDERS))]
    answering = Going(lambda: _answer(served))
    with answering:
        _say(scene, early)
        scene.until(lambda: _answered(scene) == len(early), "the first container to answer")
    scene.tell(f"{len(early)} clients send to it, always from the same port, and are answered")
    served.close()
    scene.net.remove(old)
    scene.tell("lab-web-1 is removed")
    late = [_sender(scene, each) for each in range(scene.parameters.many(_LATER))]
    _say(scene, late)
    scene.tell(f"{len(late)} more begin to send before anybody has told the router's rules")
    new, second_address = bridge.container("lab-web-2")
    scene.net.router.run(["nft", "delete", "table", "inet", "lab_service"])
    _lead_to(scene, second_address)
    serving = _service(scene, new.name, second_address)
    scene.enter(Going(lambda: _answer(serving)))
    scene.tell(f"lab-web-2 takes its place, {second_address}, and the rules lead to it")
    scene.enter(Going(lambda: _say(scene, early + late)))
    fresh = _sender(scene, 0)
    scene.until(lambda: _reaches(scene, fresh), "a new client to reach the new container")
    scene.tell("a new client is answered; the others send on, and their entries lead to lab-web-1's address")


def _lead_to(scene: Scene, container: str) -> None:
    rule = _RULE.format(
        family=scene.family, service=scene.net.server_address, port=scene.port, container=container
    )
    scene.net.router.run(["nft", "-f", "-"], rule)


def _service(scene: Scene, name: str, address: str) -> socket.socket:
    place = next(one for one in scene.net.places if one.name == name)
    return scene.datagrams(place, (address, scene.port))


def _sender(scene: Scene, number: int) -> socket.socket:
    own = scene.net.clients[number % len(scene.net.clients)]
    return scene.datagrams(scene.net.client, (own, 0))


def _say(scene: Scene, senders: list[socket.socket]) -> None:
    for one in senders:
        one.sendto(b"hello", (scene.net.server_address, scene.port))


def _answer(service: socket.socket) -> None:
    with contextlib.suppress(BlockingIOError):
        while True:
            said, who = service.recvfrom(_MOST)
            service.sendto(said, who)


def _reaches(scene: Scene, one: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        return bool(one.recv(_MOST))
    _say(scene, [one])
    return False


def _answered(scene: Scene) -> int:
    return scene.entries().filter(pl.col("status") & uapi.IPS_SEEN_REPLY != 0).height


SCENARIO: Final = Scenario(
    "stale-nat",
    "owner-removed",
    "A container is replaced; datagrams to it are still sent to the old address.",
    play,
)

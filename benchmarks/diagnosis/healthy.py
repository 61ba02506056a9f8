"""Busy nodes on which nothing is the matter: what the doctor has to leave in peace.

Each is a scenario like those of the lab, with real connections between a client, a router and a server.
"""

from __future__ import annotations

import random
import socket
from typing import TYPE_CHECKING, Final

from halftrack.evidence.uapi import AF_INET
from halftrack.lab.scenario import Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from halftrack.lab.scene import Scene, Visit

CAUSE: Final = "none"
_VISITS: Final = 2_000
_AT_ONCE: Final = 200
_OPEN: Final = 60
_POOL: Final = 40
_POOL_PORT: Final = 5_432
_POOL_CLIENTS: Final = 3
_SHELL: Final = 22
_DNS: Final = 53
_QUESTIONS: Final = 600
_UNANSWERED: Final = 12
_ESTABLISHED: Final = 432_000
_SILENT_S: Final = (9_000, 150_000)
"""The shortest silence of a connection of the pool, and the longest."""


def busy(scene: Scene) -> None:
    """Visitors by the thousand; some are there while the doctor looks."""
    _visitors(scene, scene.parameters.many(_VISITS))
    scene.tell("visitors have come and gone")


def pools(scene: Scene) -> None:
    """A database's clients keep connections that have said nothing for hours, and are well."""
    _pool(scene)
    _visitors(scene, scene.parameters.many(_VISITS // 10))


def sessions(scene: Scene) -> None:
    """Shells of many people, left open over night."""
    _pool(scene, _SHELL, scene.net.clients)
    _visitors(scene, scene.parameters.many(_VISITS // 10))


def names(scene: Scene) -> None:
    """Name servers: short questions over UDP, nearly all of them answered."""
    # The first packet over new links may get lost, and nobody sends a question twice here.
    _visitors(scene, scene.parameters.many(_VISITS // 10))
    _questions(scene, scene.parameters.many(_QUESTIONS))


def restarts(scene: Scene) -> None:
    """A service restarts in order, twice, and its clients come back."""
    visits: list[Visit] = []
    for _ in range(3):
        for client, served in visits:
            served.close()
            client.close()
        visits = scene.visits(scene.parameters.many(_OPEN))
        scene.talk(visits)
    scene.tell("the service was restarted twice; its clients are back")


def everything(scene: Scene) -> None:
    """All of it on one node."""
    _pool(scene)
    _questions(scene, scene.parameters.many(_QUESTIONS))
    restarts(scene)
    _visitors(scene, scene.parameters.many(_VISITS // 2))


def _visitors(scene: Scene, number: int) -> None:
    """One batch after the other, each closed in order, by one end or by the other; the last stays."""
    for some in _batches(number, _AT_ONCE):
        visits = scene.visits(some)
        scene.talk(visits)
        for at, visit in enumerate(visits):
            for one in visit if at % 3 else reversed(visit):
                one.close()
    scene.talk(scene.visits(_OPEN))


def _pool(scene: Scene, port: int = _POOL_PORT, own: Sequence[str] = ()) -> None:
    """The router believes that they spoke when its timeout was that much shorter: time saved."""
    own = own or scene.net.clients[:_POOL_CLIENTS]
    visits = scene.visits(scene.parameters.many(_POOL), port, own)
    chance = random.Random(len(visits))  # noqa: S311  # nothing secret
    for visit in visits:
        silent_s = chance.randint(*_SILENT_S)
        with scene.given("as if hours had passed", tcp_timeout_established=_ESTABLISHED - silent_s):
            scene.talk([visit])
    scene.tell("the connections of a pool are silent and open at both ends")


def _questions(scene: Scene, number: int) -> None:
    family = socket.AF_INET if scene.net.family == AF_INET else socket.AF_INET6
    server = scene.net.server.call(lambda: socket.socket(family, socket.SOCK_DGRAM))
    with server:
        server.bind((scene.net.server_address, _DNS))
        server.settimeout(scene.left())
        for at in range(number):
            _ask(scene, family, server, scene.net.clients[at % len(scene.net.clients)], at >= _UNANSWERED)


def _ask(
    scene: Scene,
    family: socket.AddressFamily,
    server: socket.socket,
    own: str,
    answered: bool,  # noqa: FBT001  # of one caller
) -> None:
    client = scene.net.client.call(lambda: socket.socket(family, socket.SOCK_DGRAM))
    with client:
        client.bind((own, 0))
        client.settimeout(scene.left())
        client.sendto(b"who is it?", (scene.net.server_address, _DNS))
        _, asker = server.recvfrom(100)
        if answered:
            server.sendto(b"nobody", asker)
            client.recv(100)


def _batches(number: int, most: int) -> Iterator[int]:
    while number > 0:
        yield min(number, most)
        number -= most


KINDS: Final[dict[str, Scenario]] = {
    one.name: one
    for one in (
        Scenario("healthy-busy", CAUSE, "Visitors by the thousand.", busy),
        Scenario("healthy-pools", CAUSE, "Connections kept open for hours.", pools),
        Scenario("healthy-sessions", CAUSE, "Shells left open.", sessions),
        Scenario("healthy-names", CAUSE, "Questions and answers over UDP.", names),
        Scenario("healthy-restarts", CAUSE, "A service that restarts in order.", restarts),
        Scenario("healthy-all", CAUSE, "All of it at once.", everything),
    )
}
POOLED: Final = frozenset({"healthy-pools", "healthy-sessions", "healthy-all"})
"""Those that have a pool, which ``idle-pool`` is right about."""

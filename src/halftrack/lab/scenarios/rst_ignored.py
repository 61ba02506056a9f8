"""rst-ignored: resets that the router takes for somebody else's, as they lie outside of the window it knows.

A part of each connection's packets took another way, so the router's idea of the window is old. The end that
a reset is meant for knows better, and closes.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final

from halftrack.lab import aging, talking
from halftrack.lab.scenario import Scenario
from halftrack.lab.scene import reset

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene, Visit

_RESET: Final = 24
_LATER: Final = 80
_STAYING: Final = 6
_UPLOAD: Final = bytes(200_000)
"""More than any window that the router has seen."""
_YOUNGEST_S: Final = 300
_SPAN_S: Final = 80_000
_EVERY_S: Final = 0.4
"""Slow enough to go on while a busy machine looks, and often enough to be seen within a second."""


def play(scene: Scene) -> None:
    net, many = scene.net, scene.parameters.many
    visits, later = scene.visits(many(_RESET)), scene.visits(_LATER)
    others = scene.visits(_STAYING)
    every = [*visits, *later]
    scene.talk([*every, *others])
    net.shortcut()
    net.past_the_router(net.client, net.server_address)
    net.past_the_router(net.server, *net.clients)
    for one in every:
        _upload(one)
    net.no_shortcut()
    scene.tell(
        f"{len(every)} clients have uploaded {len(_UPLOAD):,} bytes each, for once past the router, which"
        " knows nothing of them"
    )
    ages = [_YOUNGEST_S + each * _SPAN_S // len(visits) for each in range(len(visits))]
    aging.silent(scene, visits, ages)
    for client, _ in visits:
        reset(client)
    scene.until(lambda: all(_over(one) for one in visits), "resets to arrive")
    scene.tell(
        f"{len(visits)} of them reset their connections, one by one over the last day (the router's entries"
        " are given the time that this would have left them): outside of any window that it knows"
    )
    scene.enter(_resetting(later))
    scene.talk(others)
    scene.tell(
        f"the server has closed; {len(others)} clients talk on, others are reset while the doctor looks"
    )


def _upload(one: Visit) -> None:
    left = len(_UPLOAD)
    sender = threading.Thread(target=one.client.sendall, args=(_UPLOAD,), daemon=True)
    sender.start()
    while left:
        left -= len(one.served.recv(left))
    sender.join()


def _over(one: Visit) -> bool:
    """Whether the server has heard the reset."""
    one.served.settimeout(0)
    try:
        return not one.served.recv(1)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def _resetting(visits: list[Visit]) -> talking.Going:
    """One after the other."""

    def step() -> None:
        if visits:
            with contextlib.suppress(OSError):
                reset(visits.pop(0).client)

    return talking.Going(step, _EVERY_S)


SCENARIO: Final = Scenario(
    "rst-ignored",
    "rst-ignored",
    "Resets outside of the window that the router knows: the ends close, its entries stay.",
    play,
)

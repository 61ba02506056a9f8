"""Connections that go on: every now and then client and server say something."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final, Self

from halftrack.errors import HalftrackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from halftrack.lab.scene import Scene, Visit

_EVERY_S: Final = 0.25
_RENEWED: Final = 16
"""One in so many ends each time, and another begins."""


class Going:
    """``step`` again and again, from entering until left; ``step`` that fails ends it, and nobody hears."""

    def __init__(self, step: Callable[[], None], every_s: float = _EVERY_S) -> None:
        self._step = step
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go, name="traffic of the lab", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _go(self) -> None:
        # A scenario may cut off who talks here, or end with the time that it had.
        with contextlib.suppress(OSError, HalftrackError):
            while not self._stop.wait(self._every_s):
                self._step()


def talking(scene: Scene, visits: list[Visit], every_s: float = _EVERY_S) -> Going:
    """They talk on, all of them at once."""
    return Going(lambda: scene.talk(visits), every_s)


def healthy(scene: Scene, number: int) -> Going:
    """So many connections beside the trouble, that end in order and are followed by others."""
    visits = scene.visits_beside(number)
    scene.talk(visits)

    def step() -> None:
        scene.talk(visits)
        ended = visits[: max(1, number // _RENEWED)]
        for visit in ended:
            for one in visit:  # the client first, so that each end sees the other close
                one.close()
        visits[:] = visits[len(ended) :] + scene.visits_beside(len(ended))

    return Going(step)

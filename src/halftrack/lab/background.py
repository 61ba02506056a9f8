"""Healthy traffic beside a trouble: connections that talk, end in order, and are followed by others."""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING, Final, Self

from halftrack.errors import HalftrackError
from halftrack.lab.parameters import BESIDE

if TYPE_CHECKING:
    from halftrack.lab.scene import Scene, Visit

_EVERY_S: Final = 0.25
_RENEWED: Final = 16
"""One in so many ends each time, and another begins."""


class Background:
    """``number`` connections to a port of their own, from entering until left."""

    def __init__(self, scene: Scene, number: int) -> None:
        self._scene = scene
        self._open = scene.visits(number, BESIDE)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._talk, name="healthy traffic", daemon=True)

    def __enter__(self) -> Self:
        self._scene.talk(self._open)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _talk(self) -> None:
        # A scenario may cut off who talks here; nobody is to hear of that.
        with contextlib.suppress(OSError, HalftrackError):
            while not self._stop.wait(_EVERY_S):
                self._scene.talk(self._open)
                renewed = max(1, len(self._open) // _RENEWED)
                ended, self._open = self._open[:renewed], self._open[renewed:]
                for visit in ended:
                    _end(visit)
                self._open += self._scene.visits(renewed, BESIDE)


def _end(visit: Visit) -> None:
    """The client first, then the server: each end sees the other close."""
    for one in visit:
        one.close()

"""Sockets that are open in the places of a scene."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from halftrack.lab.place import Place


class Sockets:
    """Held open until all of them are closed."""

    def __init__(self) -> None:
        self._open: dict[str, list[socket.socket]] = {}
        self._listeners: dict[tuple[str, int], socket.socket] = {}

    def keep(self, place: Place, one: socket.socket) -> socket.socket:
        """One that was made there."""
        self._open.setdefault(place.name, []).append(one)
        return one

    def listener(self, place: Place, where: tuple[str, int], backlog: int) -> socket.socket:
        """That which listens there, made if there is none. Raises OSError."""
        if where not in self._listeners:
            family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
            made = place.call(lambda: socket.create_server(where, family=family, backlog=backlog))
            self._listeners[where] = self.keep(place, made)
        return self._listeners[where]

    def of(self, place: Place) -> Sequence[socket.socket]:
        """Those that are a place's."""
        return self._open.get(place.name, [])

    def shut(self) -> None:
        """Whoever waits for something there waits no longer."""
        for one in self._every():
            with contextlib.suppress(OSError):  # closed, or never connected
                one.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        for one in self._every():
            one.close()
        self._open.clear()
        self._listeners.clear()

    def _every(self) -> list[socket.socket]:
        return [each for some in self._open.values() for each in some]

"""A number that no other lab of this node has: a socket bound to it says so, and goes with its holder."""

from __future__ import annotations

import errno
import socket
from typing import Final

_NAME: Final = "\0halftrack-lab-{}"
"""In the abstract namespace (unix(7)): no file, and nothing left by whoever is killed."""


def claim(wanted: int, most: int) -> tuple[int, socket.socket | None]:
    """``wanted``, or the next one that is free, of 0 to ``most`` - 1; None for the socket where none is."""
    held = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for number in ((wanted + each) % most for each in range(most)):
        try:
            held.bind(_NAME.format(number))
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                continue
            break
        return number, held
    held.close()
    return wanted % most, None

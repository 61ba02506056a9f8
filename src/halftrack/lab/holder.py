"""What lives in a namespace of the lab, run as a program: ``python -I -S holder.py NAME``.

It ends when whoever started it does, however that comes about: its standard input, a socket, is closed
then. Told to stay, it takes over sockets that are open in its namespace, so that nobody closes them, and
stays until it is killed. Needs the standard library alone.
"""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

MOST = 200
"""Sockets in one message; the kernel takes 253 (SCM_MAX_FD in include/net/scm.h)."""
READY, HOLD, STAY = b"r", b"h", b"s"


def hold(ours: socket.socket) -> list[int]:
    """Descriptors of the sockets that were handed over; ends the process where nobody said to stay."""
    held: list[int] = []
    while True:
        told, sockets, _, _ = socket.recv_fds(ours, 1, MOST)
        held += sockets
        if told == STAY:
            ours.send(READY)
            return held
        if told != HOLD:
            os._exit(0)


def main(name: str) -> None:
    """Be there under this name, which the lab's examination shows."""
    Path("/proc/self/comm").write_text(name, encoding="ascii")
    for each in (signal.SIGINT, signal.SIGHUP):  # Ctrl-C is for the lab, which knows what to do
        signal.signal(each, signal.SIG_IGN)
    with socket.socket(fileno=0) as ours:
        ours.send(READY)
        hold(ours)
    while True:
        signal.pause()


if __name__ == "__main__":
    import sys

    main(sys.argv[1])

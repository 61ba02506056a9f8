"""A long way: packets are carried by hand from one TUN device to another, later.

Not every kernel has netem; a thread holds each packet back for as long as it is to take. What would be too
many at once is lost, as on any line.
"""

from __future__ import annotations

import contextlib
import fcntl
import heapq
import os
import select
import struct
import threading
import time
from typing import Final, Self

# include/uapi/linux/if_tun.h
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_MOST_WAITING: Final = 10_000
_LONGEST: Final = 65_536
_IDLE_S: Final = 0.05


def open_tun(name: str) -> int:
    """A new device of the calling thread's namespace, still down; it goes with its descriptor. OSError."""
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError:
        os.close(fd)
        raise
    return fd


class Carrier:
    """Carries between two devices, ``delay_s`` each way, until it is left. The devices are its own."""

    def __init__(self, one: int, other: int, delay_s: float) -> None:
        self._ends = {one: other, other: one}
        self._delay_s = delay_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._carry, name="a long way", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for fd in self._ends:
            os.close(fd)

    def _carry(self) -> None:
        waiting: list[tuple[float, int, int, bytes]] = []
        number = 0
        ends = select.poll()  # unlike select it takes descriptors of any number
        for fd in self._ends:
            ends.register(fd, select.POLLIN)
        while not self._stop.is_set():
            pause = max(0.0, min(waiting[0][0] - time.monotonic(), _IDLE_S)) if waiting else _IDLE_S
            for fd, _ in ends.poll(pause * 1000):
                with contextlib.suppress(OSError):  # nothing there after all, or the device is down
                    packet = os.read(fd, _LONGEST)
                    if len(waiting) < _MOST_WAITING:
                        number += 1
                        due = time.monotonic() + self._delay_s
                        heapq.heappush(waiting, (due, number, self._ends[fd], packet))
            while waiting and waiting[0][0] <= time.monotonic():
                _, _, other, packet = heapq.heappop(waiting)
                with contextlib.suppress(OSError):
                    os.write(other, packet)

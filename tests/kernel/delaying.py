"""A long way between two namespaces: packets are carried by hand from one to the other, later.

Each end is a TUN device; this kernel has no netem, so a thread holds every packet back for as long as
it takes.
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
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kernel.scratch import Netns, scratch_netns

if TYPE_CHECKING:
    from collections.abc import Iterator

# include/uapi/linux/if_tun.h
_TUNSETIFF: Final = 0x400454CA
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000
_MOST_WAITING: Final = 10_000


@dataclass(frozen=True)
class Way:
    near: Netns
    far: Netns
    near_address: str
    far_address: str


@contextlib.contextmanager
def long_way(delay_s: float, near_address: str, far_address: str) -> Iterator[Way]:
    """Two namespaces between which a packet takes ``delay_s``, one way; gone afterwards."""
    with contextlib.ExitStack() as stack:
        near, far = stack.enter_context(scratch_netns("near")), stack.enter_context(scratch_netns("far"))
        ends = [near.call(_open), far.call(_open)]
        for fd in ends:
            stack.callback(os.close, fd)
        for netns, own, other in ((near, near_address, far_address), (far, far_address, near_address)):
            netns.run("ip", "address", "add", own, "peer", other, "dev", "tun0")
            netns.run("ip", "link", "set", "tun0", "up")
        stop = threading.Event()
        carrier = threading.Thread(target=_carry, args=(ends, delay_s, stop), daemon=True)
        carrier.start()
        stack.callback(carrier.join)
        stack.callback(stop.set)
        yield Way(near, far, near_address, far_address)


def _open() -> int:
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _IFF_TUN | _IFF_NO_PI))
    return fd


def _carry(ends: list[int], delay_s: float, stop: threading.Event) -> None:
    waiting: list[tuple[float, int, int, bytes]] = []
    number = 0
    while not stop.is_set():
        pause = max(0.0, min(waiting[0][0] - time.monotonic(), 0.05)) if waiting else 0.05
        ready, _, _ = select.select(ends, [], [], pause)
        for fd in ready:
            with contextlib.suppress(BlockingIOError):
                packet = os.read(fd, 65_536)
                if len(waiting) < _MOST_WAITING:
                    other = ends[1 - ends.index(fd)]
                    heapq.heappush(waiting, (time.monotonic() + delay_s, number := number + 1, other, packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, other, packet = heapq.heappop(waiting)
            with contextlib.suppress(OSError):
                os.write(other, packet)

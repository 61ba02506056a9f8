"""What is in use: as many entries at any moment, of which a shorter timeout keeps those that spoke since.

Real packets of many flows, each at moments of its own, in real time.
"""

from __future__ import annotations

import random
import socket
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

import numpy as np

from halftrack import whatif
from halftrack.diagnosis import examine, makeup
from halftrack.diagnosis.view import view
from halftrack.evidence.values import HOST
from halftrack.whatif import answering
from kernel.arrivals import tracked_netns
from kernel.remedying import evidence_of, table_of
from kernel.troubles import size

FLOWS: Final = 6_000
PER_S: Final = 400
"""Packets, each of any of the flows."""
TIMEOUT_S: Final = 20
SHORTER_S: Final = 8
LONGER_S: Final = 32
MOMENTS_S: Final = (1, 3, 5, 8, 10, 13, 16, 20, 24, 28, 33, 36)
WITHIN: Final = 0.05
LOOKS: Final = 3
_PAUSE_S: Final = 0.005


def talk(seconds: float, seed: int) -> None:
    """Datagrams that nobody answers, by the clock. To be run inside."""
    chosen = random.Random(seed)  # noqa: S311  # which flow speaks next
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        begun, number, elapsed = time.monotonic(), 0, 0.0
        while elapsed < seconds:
            time.sleep(_PAUSE_S)
            elapsed = time.monotonic() - begun
            while number < elapsed * PER_S:
                flow = chosen.randrange(FLOWS)
                sender.sendto(b"x", (f"198.18.{flow >> 8}.{flow & 255}", 9))
                number += 1


def worst(timeout_s: int, seed: int) -> float:
    """How far the kernel is from what was foretold, at its worst moment, once the timeout is another one."""
    with tracked_netns("inuse") as netns, ThreadPoolExecutor(1) as pool:
        netns.sysctl("nf_conntrack_udp_timeout", TIMEOUT_S)
        lasting = TIMEOUT_S + MOMENTS_S[-1] + 4
        talking = pool.submit(netns.call, lambda: talk(lasting, seed))
        time.sleep(TIMEOUT_S + 1)
        settings = {"net.netfilter.nf_conntrack_udp_timeout": str(TIMEOUT_S)}
        table = table_of(netns, name=HOST, settings=settings, limit=262_144, buckets=65_536)
        begun = time.monotonic()
        netns.sysctl("nf_conntrack_udp_timeout", timeout_s)
        seen = evidence_of(table, taken_at=datetime.now(UTC))
        cases = examine(seen).cases
        made = makeup.of(cases[0].view if cases else view(table, seen), cases)
        assert made.course.conditions is not None
        asked = whatif.parse([f"udp_timeout={timeout_s}"])
        _, course = answering.changed(made.course, made.course.conditions, asked)
        found = []
        for moment_s in MOMENTS_S:
            time.sleep(max(begun + moment_s - time.monotonic(), 0))
            off = []
            for _ in range(LOOKS):
                before = time.monotonic()
                here = size(netns)
                at_s = (before + time.monotonic()) / 2 - begun
                off.append(here / float(course.at(np.array([at_s]))[0]) - 1)
            found.append(statistics.median(off))
        talking.result()
    return max(found, key=abs)


def test_what_is_in_use_is_as_foretold_at_every_moment() -> None:
    timeouts_s = (TIMEOUT_S, SHORTER_S, LONGER_S)
    with ThreadPoolExecutor(len(timeouts_s)) as pool:
        found = dict(zip(timeouts_s, pool.map(worst, timeouts_s, (1, 2, 3)), strict=True))
    assert max(map(abs, found.values())) <= WITHIN, found

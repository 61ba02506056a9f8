"""Replaying packets through the tracker: how fast, and, over many of them, whether the kernel agrees.

``python -m benchmarks.tracker`` measures; ``python -m benchmarks.tracker agree PACKETS SEED`` compares
with the running kernel (root), in campaigns of about a million packets.
"""

from __future__ import annotations

import resource
import sys
import time
from functools import partial
from typing import Final

from benchmarks.measure import Run, median
from halftrack.tcp.segments import Segment
from halftrack.tcp.table import TH_ACK, TH_FIN, TH_PUSH, TH_SYN
from halftrack.tcp.tracker import Tracker

FLOWS: Final = 100_000
OPTIONS: Final = b"\x02\x04\x05\xb4\x04\x02\x08\x0a\0\0\0\x01\0\0\0\0\x01\x03\x03\x07"
STAMP: Final = b"\x01\x01\x08\x0a\0\0\0\x02\0\0\0\x01"
TALK: Final = (
    # by the client, flags, seq and ack from where each began, payload
    (True, TH_SYN, 0, 0, 0),
    (False, TH_SYN | TH_ACK, 0, 1, 0),
    (True, TH_ACK, 1, 1, 0),
    (True, TH_PUSH | TH_ACK, 1, 1, 300),
    (False, TH_ACK, 1, 301, 1448),
    (True, TH_ACK, 301, 1449, 0),
    (False, TH_PUSH | TH_ACK, 1449, 301, 700),
    (True, TH_FIN | TH_ACK, 301, 2149, 0),
    (False, TH_FIN | TH_ACK, 2149, 302, 0),
    (True, TH_ACK, 302, 2150, 0),
)
"""A short visit to a web server."""


def replay(tracker: Tracker) -> None:
    """A million packets: the first of every flow, then the second of every flow, and so on."""
    server = 0xCB00_7149 << 16 | 443
    tcp = tracker.tcp
    now = 0.0
    for by_client, flags, seq, ack, length in TALK:
        options = OPTIONS if flags & TH_SYN else STAMP
        for number in range(FLOWS):
            client = number << 16 | 50_000
            at = 0xFFFF_F000 + number
            segment = Segment(
                flags, at + seq & 0xFFFF_FFFF, at + ack & 0xFFFF_FFFF, 502, length, options=options
            )
            now += 1e-5
            if by_client:
                tcp(now, client, server, segment)
            else:
                tcp(now, server, client, segment)


def _busy() -> Run:
    """The replay's time on the processor, which is all that it needs: others may use the machine as well."""
    began = time.process_time()
    replay(Tracker())
    return Run(time.process_time() - began)


def main() -> bool:
    """Whether a million packets are replayed in ten seconds."""
    held = median("replay of 1,000,000 packets, 100,000 flows (processor)", _busy, 10)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  whole process, peak resident: {peak:.0f} MB")
    return held


def agree(packets: int, seed: int) -> None:
    """Compare with the running kernel until so many packets have agreed; the first that does not ends it."""
    from kernel import campaigns  # noqa: PLC0415  # measuring does without
    from kernel.comparing import agreeing  # noqa: PLC0415  # likewise

    kinds = (
        lambda seed: campaigns.changing(seed, 20_000, 50),
        lambda seed: campaigns.steady(seed, 20_000, 50, with_policies=True),
        lambda seed: campaigns.passing(seed, 10_000, 60),
    )
    done, began = 0, time.monotonic()
    while done < packets:
        done += agreeing(partial(kinds[seed % len(kinds)], seed)).total()
        print(f"{done:,} packets agree, {time.monotonic() - began:.0f} s, seed {seed}", flush=True)
        seed += 1


if __name__ == "__main__":
    if sys.argv[1:2] == ["agree"]:
        agree(int(sys.argv[2]), int(sys.argv[3]))
    else:
        raise SystemExit(not main())

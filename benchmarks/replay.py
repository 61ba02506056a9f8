"""A capture replayed, from the file to the table: against the tracker alone on the same conversations.

python -m benchmarks.replay [FLOWS]
"""

from __future__ import annotations

import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks import tracker
from benchmarks.measure import HALFTRACK, Run, compare, median, process
from halftrack.commands import replay_run
from halftrack.tcp.table import TH_SYN
from halftrack.tcp.tracker import Tracker
from unit.captures import ethernet, ip4, tcp

_LIMIT: Final = 2.0
_SECONDS: Final = 10.0
_MEGABYTES: Final = 400
_SERVER: Final = "203.0.113.73"
_SNAP: Final = 96
_FILE: Final = np.dtype([("s", "<u4"), ("ns", "<u4"), ("kept", "<u4"), ("length", "<u4")])
_SOURCE, _TARGET, _SEQ, _ACK = 26, 30, 38, 42
"""Where the addresses and numbers of a segment lie in its frame."""


def write(path: Path, flows: int) -> None:
    """Ten packets of each flow: the first of every one, then the second of every one, 10 us apart."""
    numbers = np.arange(flows, dtype=np.uint32)
    clients = (np.uint32(10 << 24) + numbers).astype(">u4").view("u1").reshape(-1, 4)
    starts = np.uint32(0xFFFF_F000) + numbers
    with path.open("wb") as file:
        file.write(b"\x4d\x3c\xb2\xa1\x02\0\x04\0" + bytes(8) + (1 << 18).to_bytes(4, "little") + b"\1\0\0\0")
        for place, (by_client, flags, seq, ack, length) in enumerate(tracker.TALK):
            ports = (50_000, 443) if by_client else (443, 50_000)
            options = tracker.OPTIONS if flags & TH_SYN else tracker.STAMP
            segment = tcp(*ports, flags=flags, window=502, options=options, payload=bytes(length))
            frame = ethernet(ip4(segment, 6, _SERVER, _SERVER))
            kept = frame[:_SNAP]
            rows = np.tile(np.frombuffer(bytes(_FILE.itemsize) + kept, dtype=np.uint8), (flows, 1))
            head = rows[:, : _FILE.itemsize].copy().view(_FILE).reshape(-1)
            at_us = (numbers.astype(np.uint64) + np.uint64(place * flows)) * np.uint64(10)
            head["s"], head["ns"] = at_us // np.uint64(10**6), at_us % np.uint64(10**6) * np.uint64(1000)
            head["kept"], head["length"] = len(kept), len(frame)
            rows[:, : _FILE.itemsize] = head.view(np.uint8).reshape(flows, -1)
            body = rows[:, _FILE.itemsize :]
            at = _SOURCE if by_client else _TARGET
            body[:, at : at + 4] = clients
            for where, number in ((_SEQ, seq), (_ACK, ack)):
                body[:, where : where + 4] = (
                    (starts + np.uint32(number)).astype(">u4").view("u1").reshape(-1, 4)
                )
            file.write(rows.tobytes())


def _busy(path: Path) -> Run:
    """Time on the processor of reading and replaying: others may use the machine as well."""
    wanted = replay_run.wanted(
        str(path), (), kernel=None, node=None, at="all", interface=None, against=(), explained=None
    )
    run = replay_run.Run(wanted, None)
    began = time.process_time()
    run.work()
    seconds = time.process_time() - began
    if len(run.flows) != run.packets // len(tracker.TALK):
        raise SystemExit(f"{len(run.flows):,} entries of {run.packets:,} packets")
    return Run(seconds)


def _tracker() -> Run:
    began = time.process_time()
    tracker.replay(Tracker())
    return Run(time.process_time() - began)


def main(flows: int = tracker.FLOWS) -> bool:
    """Whether it held: the ratio, a hundred thousand packets a second, the memory of a whole process."""
    packets = flows * len(tracker.TALK)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "visits.pcap"
        write(path, flows)
        busy = partial(_busy, path)
        held = median(f"replay of {packets:,} packets from a file (processor)", busy, _SECONDS)
        print(f"  {packets / busy().seconds:,.0f} packets a second of {flows:,} flows", flush=True)
        if flows == tracker.FLOWS:
            held &= compare(f"replay of {packets:,} packets, tracker alone", busy, _tracker, _LIMIT)
        whole = process((*HALFTRACK, "replay", str(path)))
        held &= whole.rss_mb <= _MEGABYTES
        print(
            f"  whole process: {whole.seconds:.1f} s, {whole.rss_mb:.0f} MB  (at most {_MEGABYTES})",
            flush=True,
        )
    return held


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))

"""A scan for metrics on a node with many namespaces: memory, processor against a bare dump, and over time.

``python -m benchmarks.export`` (root): once. ``python -m benchmarks.export hour``: ``export --listen`` for an
hour of churn, a scan a minute; its memory and descriptors afterwards beside those at the beginning.
"""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.dump import bare
from benchmarks.measure import HALFTRACK, need_root, process
from benchmarks.table import room_for
from halftrack.evidence import uapi
from kernel.filling import fill
from kernel.inject import End, Entries, inject
from kernel.scratch import scratch_netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kernel.scratch import Netns

NAMESPACES: Final = 200
ENTRIES: Final = 2_500
"""In each; of these so many are stuck."""
STUCK: Final = 1_500
MOST_MB: Final = 128
MOST_TIMES: Final = 1.5
_RUNS: Final = 3
_HOUR_S: Final = 3_600
_EXPORT: Final = (*HALFTRACK, "export")
_ADDRESS: Final = "127.0.0.1:10433"


@contextlib.contextmanager
def node(namespaces: int = NAMESPACES, entries: int = ENTRIES, stuck: int = STUCK) -> Iterator[list[Netns]]:
    """So many namespaces, each with entries of its own."""
    with room_for(namespaces * entries), contextlib.ExitStack() as stack:
        made = [stack.enter_context(scratch_netns("export")) for _ in range(namespaces)]
        for number, netns in enumerate(made):
            fill(netns, entries - stuck, timeout=400_000)
            leak(netns, 0x0A4F0001 + number, 0, stuck)
        yield made


def leak(netns: Netns, server: int, first: int, count: int) -> None:
    """Entries that only the server's packets made, to clients from the ``first`` on."""
    clients = np.arange(first, first + count, dtype=np.uint32) + 0xC6336401
    servers = np.full(count, server, dtype=np.uint32)
    ends = End(servers, clients, 80, 50_000), End(clients, servers, 50_000, 80)
    left = np.arange(first, first + count) * 7 % 200_000 + 200_000
    state = uapi.TCP_CONNTRACK_ESTABLISHED
    inject(netns.path, Entries(*ends, count=count, timeout=left, state=state, tcp_flags=(0x0A, 0x0A)))


def main() -> bool:
    """Whether memory and processor time held."""
    with node() as spaces, tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "halftrack.prom"
        # As where it is installed: what it imports is compiled once, not by each scan.
        compiled = {"PYTHONPYCACHEPREFIX": f"{folder}/compiled", "PYTHONDONTWRITEBYTECODE": ""}
        environment = {"HALFTRACK_RUN_DIR": folder, **compiled}
        words = (*_EXPORT, "--textfile", str(target))
        process((*words, "--netns", spaces[0].name), environment)
        pairs = []
        for _ in range(_RUNS):
            reference = _processor(partial(_received, spaces))
            pairs.append((process(words, environment), reference))
    memory = max(ours.rss_mb for ours, _ in pairs)
    seconds = statistics.median(ours.cpu_s for ours, _ in pairs)
    times = statistics.median(ours.cpu_s / theirs for ours, theirs in pairs)
    held = memory <= MOST_MB and times <= MOST_TIMES
    print(
        f"export --textfile, {NAMESPACES} namespaces, {NAMESPACES * ENTRIES:,} entries: {memory:.0f} MB"
        f" (at most {MOST_MB}), {seconds:.1f} s of processor, {times:.2f} times a bare dump"
        f" (at most {MOST_TIMES}){'' if held else '  MISSED'}",
        flush=True,
    )
    return held


def _received(spaces: Iterable[Netns]) -> None:
    for netns in spaces:
        bare(netns.path)


def _processor(work: Callable[[], object]) -> float:
    """Processor seconds of a function in this process."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    work()
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def hour(seconds: int = _HOUR_S, every: int = 60, namespaces: int = 20) -> bool:
    """Whether ``export --listen`` is as small at the end as it was, while entries come and go."""
    with node(namespaces) as spaces, tempfile.TemporaryDirectory() as folder:
        words = [*_EXPORT, "--listen", _ADDRESS, "--every", f"{every}s", "-q"]
        environment = {**os.environ, "HALFTRACK_RUN_DIR": folder}
        with subprocess.Popen(words, env=environment) as server:
            try:
                began = time.monotonic()
                time.sleep(min(2 * every, seconds / 4))
                first = _held(server.pid, every)
                number = STUCK
                while time.monotonic() - began < seconds:
                    for place, netns in enumerate(spaces):
                        leak(netns, 0x0A4F0001 + place, number, 50)
                    number += 50
                    time.sleep(every / 2)
                last = _held(server.pid, every)
            finally:
                server.terminate()
    held = last[1] <= first[1] and last[0] <= first[0] * 1.05
    print(
        f"export --listen, {seconds} s, a scan every {every} s: {first[0]:.1f} MB and {first[1]} descriptors,"
        f" at the end {last[0]:.1f} MB and {last[1]}{'' if held else '  MISSED'}",
        flush=True,
    )
    return held


def _held(pid: int, seconds: float) -> tuple[float, int]:
    """The least that it holds during that time, in which a scan comes and goes: see ``_holds``."""
    until = time.monotonic() + seconds
    seen = [_holds(pid)]
    while time.monotonic() < until:
        time.sleep(0.1)
        seen.append(_holds(pid))
    return min(memory for memory, _ in seen), min(descriptors for _, descriptors in seen)


def _holds(pid: int) -> tuple[float, int]:
    """Resident megabytes and open descriptors of a process."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(resident.split()[1]) / 1024, len(list(Path(f"/proc/{pid}/fd").iterdir()))


if __name__ == "__main__":
    need_root()
    if sys.argv[1:2] == ["hour"]:
        sys.exit(not hour(*(int(word) for word in sys.argv[2:])))
    sys.exit(not main())

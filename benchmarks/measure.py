"""Timing that holds on a noisy machine: whole runs in turn, medians, ratios within one run."""

from __future__ import annotations

import math
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

RUNS: Final = 5
HALFTRACK: Final = (sys.executable, "-m", "halftrack")
# A process starts with its parent's peak as its own, so it is started by one that is small.
_LAUNCH = """
import os, sys, time
nowhere = os.open(os.devnull, os.O_RDWR)
actions = [(os.POSIX_SPAWN_DUP2, nowhere, 1), (os.POSIX_SPAWN_DUP2, nowhere, 2)]
began = time.monotonic()
child = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=actions)
_, status, usage = os.wait4(child, 0)
used = usage.ru_utime + usage.ru_stime
print(time.monotonic() - began, usage.ru_maxrss, used, os.waitstatus_to_exitcode(status))
"""


@dataclass(frozen=True, slots=True)
class Run:
    """Wall time, or what else somebody measures; of whole processes the peak of memory and processor time."""

    seconds: float
    rss_mb: float = 0.0
    cpu_s: float = 0.0


def need_root() -> None:
    """Raises SystemExit."""
    if os.geteuid():
        raise SystemExit("benchmarks of the live table need root")


def process(words: Sequence[str], env: Mapping[str, str] | None = None) -> Run:
    """A command as a whole process, as the kernel accounts it. ``env``: beside what there is."""
    done = subprocess.run(
        [sys.executable, "-S", "-c", _LAUNCH, *words],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        check=True,
    )
    seconds, peak_kb, cpu_s, code = done.stdout.split()
    if int(code) not in (0, 1, 2, 3):
        raise SystemExit(f"{' '.join(words)}: exit code {code}")
    return Run(float(seconds), int(peak_kb) / 1024, float(cpu_s))


def call(work: Callable[[], object]) -> Run:
    """A function's wall time in this process."""
    began = time.monotonic()
    work()
    return Run(time.monotonic() - began)


def compare(
    title: str,
    ours: Callable[[], Run],
    reference: Callable[[], Run],
    limit: float,
    *,
    most_mb: float = math.inf,
    most_s: float = math.inf,
) -> bool:
    """Print the median ratio ours / reference over alternating runs; whether it is within ``limit``.

    ``most_mb``: what our process may have resident at its peak; ``most_s``: how long it may take.
    """
    ours()
    reference()
    pairs = [(ours(), reference()) for _ in range(RUNS)]
    ratio = statistics.median(a.seconds / b.seconds for a, b in pairs)
    mine = statistics.median(a.seconds for a, _ in pairs)
    theirs = statistics.median(b.seconds for _, b in pairs)
    memory = max(a.rss_mb for a, _ in pairs)
    held = ratio <= limit and memory <= most_mb and mine <= most_s
    bound = f" (at most {most_mb:.0f})" if math.isfinite(most_mb) else ""
    time_bound = f" (at most {most_s:.1f})" if math.isfinite(most_s) else ""
    print(
        f"{title:<44} {mine:7.3f} s{time_bound} / {theirs:7.3f} s = {ratio:5.2f}  (at most {limit:.2f})"
        f"{f'  {memory:4.0f} MB' if memory else ''}{bound}{'' if held else '  MISSED'}",
        flush=True,
    )
    return held


def median(title: str, ours: Callable[[], Run], limit_s: float) -> bool:
    """Print the median wall time; whether it is within ``limit_s``."""
    ours()
    seconds = statistics.median(ours().seconds for _ in range(RUNS))
    held = seconds <= limit_s
    print(f"{title:<55} {seconds:6.3f} s  (at most {limit_s:.2f}){'' if held else '  MISSED'}", flush=True)
    return held

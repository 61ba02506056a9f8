"""What is sent of a node with a million entries: making it there, and reading it here.

python -m benchmarks.collecting [ENTRIES]
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.measure import HALFTRACK, Run, compare, process
from benchmarks.table import mixed_table
from kernel.collecting import SCRIPT, SHELLS, alone

_MOST_S, _MOST_MB = 60.0, 64.0
_LIMIT: Final = 2.0
"""Reading a bundle, against reading the bare table as text."""
_PAGE_MB: Final = os.sysconf("SC_PAGE_SIZE") / (1 << 20)
_EVERY_S: Final = 0.05


def main(count: int = 1_000_000) -> bool:
    """Whether time and memory held."""
    with mixed_table(count) as netns, tempfile.TemporaryDirectory() as folder:
        text, stream, bundle = (Path(folder) / name for name in ("table.txt", "node.collected", "node.tgz"))
        held = _script(netns.name, stream, count)
        with text.open("wb") as file:
            subprocess.run(
                ["ip", "netns", "exec", netns.name, "conntrack", "-L", "-o", "extended"],
                stdout=file, stderr=subprocess.DEVNULL, check=True,
            )  # fmt: skip
        inside = ("ip", "netns", "exec", netns.name)
        subprocess.run(
            [*inside, *HALFTRACK, "collect", "--netns", "self", "-o", bundle],
            check=True,
            capture_output=True,
        )
        for what, made in (("the script's stream", stream), ("collect's bundle", bundle)):
            title = f"doctor {what}, {made.stat().st_size >> 20} MB, bare text"
            held &= compare(title, partial(_doctor, made), partial(_doctor, text), _LIMIT)
    return held


def _doctor(path: Path) -> Run:
    return process((*HALFTRACK, "doctor", "--json", str(path)))


def _script(netns: str, target: Path, count: int) -> bool:
    """Run it; its time, and the most memory that all of its processes had at once."""
    began, most = time.monotonic(), 0.0
    with target.open("wb") as file, subprocess.Popen(
        alone(SHELLS["dash"], netns), stdin=subprocess.PIPE, stdout=file, stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as running:  # fmt: skip
        assert running.stdin is not None  # noqa: S101  # a pipe, as was asked for
        running.stdin.write(SCRIPT)
        running.stdin.close()
        while running.poll() is None:
            most = max(most, _resident_mb(running.pid))
            time.sleep(_EVERY_S)
    seconds = time.monotonic() - began
    held = running.returncode == 0 and seconds <= _MOST_S and most <= _MOST_MB
    print(
        f"collect.sh, {count:,} entries: {seconds:.1f} s (at most {_MOST_S:.0f}), {most:.0f} MB"
        f" (at most {_MOST_MB:.0f}){'' if held else f'  MISSED, code {running.returncode}'}",
        flush=True,
    )
    return held


def _resident_mb(session: int) -> float:
    total = 0.0
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, ValueError):
            if os.getsid(int(place.name)) == session:
                total += int((place / "statm").read_text().split()[1]) * _PAGE_MB
    return total


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))

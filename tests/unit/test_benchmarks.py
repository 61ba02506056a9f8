"""Benchmarks put the host's limit and hash back, also where somebody ends them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_WORK = """
import sys, time
from pathlib import Path
from benchmarks.table import room_for
with room_for(5_000_000, Path(sys.argv[1])):
    print("raised", flush=True)
    for _ in range(600):
        time.sleep(0.1)
"""


@pytest.mark.parametrize(
    ("signals", "code"),
    [
        ((signal.SIGTERM,), 143),
        ((signal.SIGINT,), 130),
        ((signal.SIGTERM, signal.SIGTERM, signal.SIGINT), None),
    ],
)
def test_ended_from_outside_they_leave_all_as_it_was(
    tmp_path: Path, signals: tuple[signal.Signals, ...], code: int | None
) -> None:
    before = {"nf_conntrack_max": "262144\n", "nf_conntrack_buckets": "65536\n"}
    for name, value in before.items():
        (tmp_path / name).write_text(value, encoding="ascii")
    path = os.pathsep.join(str(_ROOT / one) for one in (".", "src", "tests"))
    with subprocess.Popen(
        [sys.executable, "-c", _WORK, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": path},
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "raised\n"
        assert (tmp_path / "nf_conntrack_max").read_text(encoding="ascii") == "5000000"
        for number in signals:
            process.send_signal(number)
        ended = process.wait(timeout=30)
    assert ended != 0
    assert code in (None, ended)
    assert {name: (tmp_path / name).read_text(encoding="ascii") for name in before} == before

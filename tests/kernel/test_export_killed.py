"""``export --textfile``, two at once and killed at any moment: what readers find is whole all the time."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from kernel.filling import fill
from kernel.scratch import scratch_netns
from unit.promtool import values

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.kernel

ROUNDS = 8


def assert_whole(target: Path, last: Path) -> None:
    found = values(target.read_text())
    assert found["halftrack_up"] == 1
    assert "halftrack_scan_age_seconds" in found  # the last of all
    assert json.loads(last.read_bytes())["schema"] == "halftrack.diagnosis/1"


def test_two_at_once_that_are_killed_leave_whole_files(tmp_path: Path) -> None:
    target, last = tmp_path / "node/halftrack.prom", tmp_path / "run/last.json"
    target.parent.mkdir()
    moments = random.Random(7)  # noqa: S311  # no secret
    with scratch_netns("killed") as netns:
        fill(netns, 50)
        words = [
            sys.executable,
            "-m",
            "halftrack",
            "export",
            "--netns",
            netns.path,
            "--textfile",
            str(target),
        ]
        environment = {**os.environ, "HALFTRACK_RUN_DIR": str(last.parent)}
        began = time.monotonic()
        subprocess.run(words, check=True, timeout=120, env=environment)
        took_s = time.monotonic() - began
        for _ in range(ROUNDS):
            both = [subprocess.Popen(words, env=environment, stderr=subprocess.PIPE) for _ in range(2)]
            # Together they take up to twice as long, and write at the end.
            until = time.monotonic() + took_s * moments.uniform(0.5, 2)
            while time.monotonic() < until:
                assert_whole(target, last)
            for one in both:
                one.kill()
            assert [one.communicate(timeout=60)[1] for one in both] == [b"", b""]
            assert_whole(target, last)
    # A process may leave one file, of those that it writes one after the other.
    assert len([one for one in tmp_path.rglob(".*") if one.is_file()]) <= 2 * ROUNDS

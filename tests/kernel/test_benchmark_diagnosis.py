"""The benchmark of diagnoses in small: a handful of runs in varied form, each of which names its cause first."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_QUICK = "long-close-wait,scan,idle-pool,healthy-names"
"""They come about within seconds."""


def run(results: Path, *words: str) -> str:
    path = os.pathsep.join(str(_ROOT / one) for one in (".", "src"))
    asked = ("8", "--only", _QUICK, "--jobs", "2", "--results", str(results), *words)
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.diagnosis", *asked],
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
        env=os.environ | {"PYTHONPATH": path},
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done.stdout


def test_a_few_runs_name_the_true_cause_and_bundles_say_the_same(tmp_path: Path) -> None:
    results = tmp_path / "runs.jsonl"
    text = run(results)
    told = re.search(r"true cause first: (\d+) of (\d+)", text)
    assert told, text
    assert told[1] == told[2] != "0", text
    assert re.search(r"more than 0\.5 for a wrong one: 0 of ", text), text
    assert re.search(r"healthy nodes left in peace: (\d+) of \1 ", text), text
    same = re.search(r"the same answer as when it was played (\d+) of (\d+) times", text)
    assert same, text
    assert same[1] == same[2] != "0"
    assert len(results.read_bytes().splitlines()) == 8

    again = run(results, "--again")
    assert told[0] in again  # played nothing, and judged the same from what was kept
    assert len(results.read_bytes().splitlines()) == 8

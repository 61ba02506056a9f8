"""``export --textfile`` that is ended while it scans, as systemd does after its time: no old numbers are left."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from unit.promtool import lint, values

if TYPE_CHECKING:
    from pathlib import Path

# The scan of this one does not come to an end.
HALFTRACK = """
import sys, time
from halftrack.commands import scanning
from halftrack.commands.main import run
def metrics(given):
    print("scans", flush=True)
    time.sleep(600)
scanning.metrics = metrics
sys.exit(run(sys.argv[1:]))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_no_number_of_the_scan_before_is_left(tmp_path: Path, number: signal.Signals) -> None:
    target = tmp_path / "halftrack.prom"
    target.write_text('halftrack_up 1\nhalftrack_entries{netns="host",protocol="tcp",kind="answered"} 5\n')
    words = [sys.executable, "-c", HALFTRACK, "export", "--textfile", str(target)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "scans\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    lint(target.read_text())
    found = values(target.read_text())
    assert (found["halftrack_up"], found['halftrack_gap{what="scan was ended"}']) == (0, 1)
    assert not any("entries" in series for series in found)
    assert [one.name for one in tmp_path.iterdir()] == ["halftrack.prom"]


def test_who_ignores_hangups_goes_on(tmp_path: Path) -> None:
    """As below nohup(1)."""
    words = [
        "nohup",
        sys.executable,
        "-c",
        HALFTRACK,
        "export",
        "--textfile",
        str(tmp_path / "halftrack.prom"),
    ]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "scans\n"
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130

"""Draining that somebody interrupts, pauses, or takes the namespace's name from."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from pathlib import Path

from kernel.draining import SERVER, command, drain, entries, environment, short, stuck, until
from kernel.scratch import Netns, scratch_netns, sh


def test_interrupted_it_says_what_was_done_and_the_same_command_goes_on(
    server: Netns, tmp_path: Path
) -> None:
    stuck(server, 2_000)
    words = command(server, "one-sided", "sport=80", "--delete", "--yes", "--expect", "2000", "--json")
    with subprocess.Popen(
        [*words, "--rate", "400", "--batch", "50"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    ) as process:
        until(lambda: 0 < entries(server) < 2_000)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    left = entries(server)
    assert 0 < left < 2_000
    outcome = json.loads(out)["outcome"]
    assert (outcome["removed"], outcome["not_reached"]) == (2_000 - left, left)
    (kept,) = tmp_path.rglob("drained.conntrack")
    assert len(kept.read_text(encoding="ascii").splitlines()) == 2_000 - left
    again = drain(
        server, tmp_path, "one-sided", "sport=80", "--delete", "--yes", "--expect", str(left), "--json"
    )
    assert (again.code, again.outcome["removed"], entries(server)) == (0, left, 0)


def test_paused_it_changes_nothing_until_it_goes_on(server: Netns, tmp_path: Path) -> None:
    stuck(server, 600)
    words = command(server, "one-sided", "sport=80", "--yes", "--expect", "600", "--json")
    with subprocess.Popen(
        [*words, "--rate", "300", "--batch", "20"],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(tmp_path),
    ) as process:
        try:
            until(lambda: short(server) > 0)
            process.send_signal(signal.SIGTSTP)
            until(lambda: Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").split()[2] == "T")
            paused = short(server)
            time.sleep(0.3)  # many batches, if it went on
            assert short(server) == paused < 600
            process.send_signal(signal.SIGCONT)
            out, _ = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert json.loads(out)["outcome"]["retimed"] == 600
    assert short(server) == 600


def test_a_namespace_that_loses_its_name_meanwhile_is_drained_to_the_end(tmp_path: Path) -> None:
    with scratch_netns("gone") as leaving:
        leaving.run("ip", "address", "add", f"{SERVER}/32", "dev", "lo")
        stuck(leaving, 600)
        words = command(leaving, "one-sided", "sport=80", "--delete", "--yes", "--expect", "600", "--json")
        with subprocess.Popen(
            [*words, "--rate", "600", "--batch", "50"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(tmp_path),
        ) as process:
            until(lambda: entries(leaving) < 600)
            sh("ip", "netns", "delete", leaving.name)
            out, err = process.communicate(timeout=30)
        sh("ip", "netns", "add", leaving.name)
    assert "Traceback" not in err
    assert process.returncode == 0, err
    assert json.loads(out)["outcome"]["removed"] == 600

"""From the text of a table to a script, carried back to its node and run there."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from kernel.remedying import ANSWERED, ESTABLISHED, SERVER, SERVER6, put, read_sysctl, tuples
from kernel.scripting import SHELLS, node_in

if TYPE_CHECKING:
    from pathlib import Path

    from kernel.scratch import Netns


@pytest.mark.parametrize("shell", SHELLS)
def test_a_table_sent_as_text_comes_back_as_a_script_that_cures_its_node(
    netns: Netns, tmp_path: Path, shell: tuple[str, ...]
) -> None:
    for i in range(1, 31):
        put(netns, SERVER, f"198.51.100.{i}", 80, 50_000 + i)
        put(netns, SERVER6, f"2001:db8:1::{i}", 443, 51_000 + i)
    for i in range(1, 6):
        put(netns, f"198.51.100.{i}", SERVER, 40_000 + i, 22, *ANSWERED, "-t", "431990")
    table = tmp_path / "table.txt"
    dumped = netns.run("conntrack", "-L") + netns.run("conntrack", "-L", "-f", "ipv6")
    table.write_text(dumped, "ascii")
    node = node_in(netns, tmp_path / "node")
    before = node.state()
    words = ("plan", "--from", str(table), "--sh", "--assume", "kernel=2.6.32-042stab092.1")
    made = subprocess.run(
        [sys.executable, "-m", "halftrack", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert made.returncode == 0, made.stderr
    for part in ("cure", "clear"):
        done = node.run(made.stdout, part, "--elsewhere", shell=shell, by_stdin=True)
        assert done.returncode == 0, done.stdout + done.stderr
    assert {ports for ports in tuples(netns) if ports[2] != 22} == set()
    assert len(tuples(netns)) == 5
    assert read_sysctl(netns, ESTABLISHED) == 7_440
    back = node.run(made.stdout, "back", "--elsewhere", shell=shell, by_stdin=True)
    assert back.returncode == 0, back.stderr
    assert node.state() == before

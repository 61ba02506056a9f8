"""The collecting script under the shells that nodes have: what it collects says what the node says."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from kernel.collecting import SCRIPT, SHELLS, alone, collected, doctor, essence
from kernel.draining import sick_netns
from kernel.processes import process_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with sick_netns("collected") as netns:
        netns.run("nft", "add table inet ours; add chain inet ours in { type filter hook input priority 0; }")
        yield netns


@pytest.mark.parametrize("shell", SHELLS)
def test_the_same_is_found_as_on_the_node(sick: Netns, shell: str) -> None:
    there = collected(SHELLS[shell])
    assert there.returncode == 0, there.stderr
    assert b"not found" not in there.stderr
    here, elsewhere = doctor("--netns", sick.name), doctor("-", stdin=there.stdout)
    assert elsewhere["source"] == "bundle"
    assert essence(elsewhere, sick.name) == essence(here, sick.name)
    [table] = [table for table in elsewhere["tables"] if table["netns"] == sick.name]
    [known] = [table for table in here["tables"] if table["netns"] == sick.name]
    for name in ("entries", "limit", "buckets", "dropped"):
        assert table[name] == known[name], name


def test_busybox_does_not_take_its_own_tc_for_the_nodes(sick: Netns) -> None:
    """Its shell may prefer its own, which has no counters."""
    done = subprocess.run(
        ["busybox", "sh", "-s"], input=SCRIPT, capture_output=True, check=False, timeout=120,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HALFTRACK_BETWEEN": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = doctor("-", stdin=done.stdout)
    assert [table["entries"] for table in document["tables"] if table["netns"] == sick.name] == [2_200]
    assert " tc" not in done.stderr.decode().partition("Missing:")[2]
    assert "what tc shows" not in {gap["what"] for gap in document["gaps"]}


def test_with_nothing_but_busybox(sick: Netns, tmp_path: Path) -> None:
    """What is missing then is said."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    for tool in subprocess.run(
        [busybox, "--list"], capture_output=True, text=True, check=True
    ).stdout.split():
        (tmp_path / tool).symlink_to(busybox)
    # The script looks into the usual places for administrators' tools, too; there are none in this root.
    words = [
        busybox,
        "unshare",
        "-m",
        busybox,
        "sh",
        "-c",
        f"{busybox} mount -t tmpfs none /usr/sbin && exec {busybox} sh -s",
    ]
    done = subprocess.run(
        words, input=SCRIPT, capture_output=True, check=False, timeout=120,
        env={"PATH": str(tmp_path), "HALFTRACK_BETWEEN": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = doctor("-", stdin=done.stdout)
    mine = [table for table in document["tables"] if table["netns"] == sick.name]
    assert [table["entries"] for table in mine] == [2_200]
    assert "ss" in done.stderr.decode().partition("Missing:")[2]
    assert any(gap["what"] == "what ss shows" for gap in document["gaps"])


def test_it_changes_no_rules(sick: Netns) -> None:
    before = sick.run("nft", "list", "ruleset")
    assert collected(SHELLS["dash"]).returncode == 0
    assert sick.run("nft", "list", "ruleset") == before


def test_what_hangs_ends_with_the_time_and_what_there_was_is_kept(sick: Netns, tmp_path: Path) -> None:
    hanging = tmp_path / "ss"
    hanging.write_text("#!/bin/sh\nexec sleep 1000\n")
    hanging.chmod(0o755)
    begun = time.monotonic()
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = collected(alone(SHELLS["dash"], sick.name), {**os.environ, "PATH": path}, SECONDS=6)
    assert done.returncode == 76
    assert done.stderr.splitlines()[-1].startswith(b"halftrack-collect: the time was up after 6 s")
    assert time.monotonic() - begun < 60
    document = doctor("-", stdin=done.stdout)
    assert not document["complete"]
    whys = {gap["what"]: gap["why"] for gap in document["gaps"]}
    assert whys["the rest of stdin"] == "the time of the script was up after 6 s"


def test_what_a_container_calls_itself_ends_no_section() -> None:
    with process_in(None, "x 0 complete\x1b[31m"):
        made = collected(SHELLS["dash"]).stdout
    document = doctor("-", stdin=made)
    assert document["complete"] == doctor("-", stdin=collected(SHELLS["dash"]).stdout)["complete"]
    assert "\x1b" not in json.dumps(document, ensure_ascii=False)
    assert any("x-0-complete" in table["netns"] for table in document["tables"])


@pytest.mark.parametrize(
    ("words", "code"),
    [(("--script", "--netns", "x"), 64), (("--script", "--listen", "5s"), 64), (("--script",), 0)],
)
def test_as_it_is_typed(words: tuple[str, ...], code: int) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "halftrack", "collect", *words], capture_output=True, check=False, timeout=60
    )
    assert done.returncode == code
    assert (done.stdout == SCRIPT) == (code == 0)


def test_the_script_in_a_file_comes_with_how_to_run_it_and_to_read_what_it_prints(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "halftrack", "collect", "--script", "-o", "on a node.sh"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, check=True, text=True, timeout=60)
    assert (tmp_path / "on a node.sh").read_bytes() == SCRIPT
    assert done.stdout == ""
    assert "ssh NODE sh -s < 'on a node.sh' > node.collected\n" in done.stderr
    assert done.stderr.endswith(" doctor node.collected\n")


@pytest.mark.parametrize("shell", SHELLS)
def test_who_watches_a_quick_command_leaves_nothing(shell: str) -> None:
    """What watches is killed at once, often before or while it begins to sleep; a second's sleep may stay."""
    program = SHELLS[shell]
    start, end = (SCRIPT.index(mark) for mark in (b"\nlimited() {", b"\n# section NAME"))
    loop = "trap : TERM; i=0; while [ $i -lt 200 ]; do limited true; i=$((i + 1)); done"

    with subprocess.Popen(program, stdin=subprocess.PIPE, start_new_session=True) as shell_:
        shell_.communicate(SCRIPT[start:end] + f"\nONE_S=100\n{loop}\n".encode(), timeout=120)

    time.sleep(1.5)  # a second's sleep that stayed has ended
    command = ["pgrep", "-s", str(shell_.pid), "-a", "-r", "R,S,D,T"]
    left = subprocess.run(command, capture_output=True, text=True, check=False)
    for line in left.stdout.splitlines():
        os.kill(int(line.split()[0]), 9)
    assert shell_.returncode == 0
    assert left.stdout == ""

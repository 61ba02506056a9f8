"""The collecting script where there are more processes than fit on a command line: every namespace is found."""

from __future__ import annotations

import os
import resource
import shutil
from typing import TYPE_CHECKING, Final

import pytest

from kernel.collecting import SHELLS, collected
from kernel.test_collecting_old import stats

if TYPE_CHECKING:
    from pathlib import Path

PROCESSES: Final = 8_000
HOST: Final = 4026531992
LAST: Final = 4026540002
_STACK: Final = 256 << 10
"""Bytes of stack: a quarter of it, at least 128 KiB, is all that the words of a command may take."""


@pytest.fixture
def crowd(tmp_path: Path) -> Path:
    """Files of a node; the last process of all lives in a namespace of its own."""
    root = tmp_path / "root"
    for number in (*range(1, PROCESSES), 4_000_001):
        space = root / f"proc/{number}/ns"
        space.mkdir(parents=True)
        (space / "net").symlink_to(f"net:[{LAST if number > PROCESSES else HOST}]")
        (space.parent / "status").write_text(
            f"Name:\t{'last' if number == PROCESSES - 1 else 'one'}\n", "ascii"
        )
    for place in ("proc", "proc/4000001"):
        (root / place / "net/stat").mkdir(parents=True)
        (root / place / "net/stat/nf_conntrack").write_text(stats(2), "ascii")
    (root / "proc/self").symlink_to("1")
    (root / "proc/self/mountinfo").write_text("")
    return root


@pytest.mark.parametrize("xargs", [True, False], ids=["xargs", "no xargs"])
def test_every_process_counts(crowd: Path, xargs: bool, tmp_path: Path) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for tool in ("cat", "grep", "ls", "sed", "sleep", "sort", "dash", *(("xargs",) if xargs else ())):
        found = shutil.which(tool)
        assert found is not None
        (tools / tool).symlink_to(found)
    before = resource.getrlimit(resource.RLIMIT_STACK)
    resource.setrlimit(resource.RLIMIT_STACK, (_STACK, before[1]))
    try:
        words = ["env", f"PATH={tools}", *SHELLS["dash"]]
        done = collected(words, {**os.environ, "HALFTRACK_ROOT": str(crowd)})
    finally:
        resource.setrlimit(resource.RLIMIT_STACK, before)
    assert done.returncode == 0, done.stderr
    text = done.stdout.decode()
    assert f" ns/{LAST}/about\ninode {LAST}\nwhere 4000001\n" in text
    running = text.partition(" running\n")[2].partition("\n\n")[0]
    assert running.split() == ["last", "one"]

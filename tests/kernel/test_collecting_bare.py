"""The collecting script where there is a kernel and BusyBox and nothing else, as root and as somebody."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from kernel.collecting import SHELLS, collected, doctor
from kernel.draining import sick_netns

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from kernel.scratch import Netns

SOMEBODY: Final = 65_534
_BARE: Final = """
mount -t tmpfs none "$1" && mkdir "$1/bin" "$1/dev" "$1/proc" && cp "$2" "$1/bin/busybox" &&
mknod -m 666 "$1/dev/null" c 1 3 && mount -t proc proc "$1/proc" || exit 99
for tool in $("$2" --list | grep -vx busybox); do ln -s busybox "$1/bin/$tool"; done
exec chroot --userspec="$3:$3" "$1" /bin/env -i PATH=/bin HALFTRACK_BETWEEN=1 /bin/sh -s
"""
"""Arguments: an empty directory, the program, a user. Its root holds no more than that."""


@pytest.fixture(scope="module")
def sick() -> Iterator[Netns]:
    with sick_netns("bare") as netns:
        yield netns


def sent(netns: Netns, user: int, root: Path) -> tuple[dict[str, Any], bytes]:
    """What the doctor says of it, and what the script said."""
    busybox = shutil.which("busybox")
    assert busybox is not None
    dynamic = subprocess.run(["ldd", busybox], capture_output=True, check=False).returncode == 0
    assert not dynamic, "busybox has to bring all that it needs: install busybox-static"
    own = ["unshare", "-mpf", "sh", "-c", _BARE, "sh", str(root), busybox, str(user)]
    done = collected(["ip", "netns", "exec", netns.name, *own])
    assert done.returncode == 0, done.stderr
    return doctor("-", stdin=done.stdout), done.stderr


def test_root_sees_the_table(sick: Netns, tmp_path: Path) -> None:
    found, said = sent(sick, 0, tmp_path)

    assert {finding["symptom"] for finding in found["findings"]} >= {"one-sided"}
    assert any(table["entries"] for table in found["tables"])
    assert b"not found" not in said
    assert b"Missing: conntrack nft tc ss" in said
    missed = {gap["what"] for gap in found["gaps"]}
    assert {"what ss shows", "what tc shows", "what nft shows"} <= missed
    assert "what ip shows" not in missed  # BusyBox has one


def test_somebody_is_told_what_takes_root(sick: Netns, tmp_path: Path) -> None:
    """He may read counters and sockets; the table is not his to read, and nothing is found healthy."""
    found, said = sent(sick, SOMEBODY, tmp_path)

    assert found["user"] == f"uid {SOMEBODY}"
    assert not found["complete"]
    assert any(gap["what"].startswith("entries of ") for gap in found["gaps"])
    assert b"ermission denied" not in said
    assert b"not found" not in said


@pytest.mark.parametrize("shell", SHELLS)
def test_who_may_begin_few_processes_is_told_before_the_first(shell: str) -> None:
    """Shells try again and again where they may not fork."""
    few = ["setpriv", f"--reuid={SOMEBODY}", "--clear-groups", "prlimit", "--nproc=8"]
    done = collected([*few, *SHELLS[shell]])
    assert (done.returncode, done.stdout) == (69, b"")
    assert done.stderr == b"halftrack-collect: it takes 32 processes, and this user may have 8: ulimit -u\n"


def test_the_limit_does_not_count_for_root() -> None:
    done = collected(["unshare", "-n", "prlimit", "--nproc=8", *SHELLS["dash"]])
    assert done.returncode == 0, done.stderr
